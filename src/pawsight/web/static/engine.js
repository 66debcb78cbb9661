// The engine: the server this page came from. `pawsight export --format web` replaces this
// file by one with "./onnx_engine.js", and the same page then runs the model in the browser.
//
// An engine is {card, isLocal, numAtOnce, predict, heatMap}:
//   card: the response of `GET /model`.
//   isLocal: whether photos stay in the browser.
//   numAtOnce: how many requests may run at once.
//   predict(file, name, signal): one row of `POST /predict`.
//   heatMap(file, label, signal): the response of `POST /heatmap`.
// Both functions throw a EngineError when there is no answer.
export { openEngine } from "./http_engine.js";
