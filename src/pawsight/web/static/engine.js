// Who answers: the server this page came from. `pawsight export --format web` writes this
// file again, with "./onnx_engine.js", and the same page then answers in the browser.
//
// An engine is {card, isLocal, numAtOnce, predict, heatMap}:
//   card: what `GET /model` says.
//   isLocal: whether photos stay in the browser.
//   numAtOnce: how many photos may be asked about at once.
//   predict(file, name, signal): one row of `POST /predict`.
//   heatMap(file, label, signal): what `POST /heatmap` says.
// Both functions throw a Trouble when there is no answer.
export { openEngine } from "./http_engine.js";
