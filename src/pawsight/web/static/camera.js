// A picture from the camera, with a live view before it is taken.

const DENIED = "The camera may not be used. Allow it in the browser's settings for this page, then try again.";
const ABSENT = "No camera was found. Connect one, or choose photos instead.";

/**
 * Let the button "Take a picture" open the camera.
 * @param {(photos: {file: File, path: string}[]) => void} onPhotos Gets each picture.
 */
export function listenToCamera(onPhotos) {
  const dialog = document.getElementById("camera");
  const video = dialog.querySelector("video");
  const words = dialog.querySelector("[role=status]");
  const shoot = document.getElementById("shoot");
  let number = 0;

  document.getElementById("take").addEventListener("click", async () => {
    // Without https a browser gives no live view; a phone's own camera still works.
    if (!navigator.mediaDevices) return document.getElementById("shot").click();
    words.textContent = "Waiting for the camera …";
    shoot.disabled = true;
    dialog.showModal();
    try {
      const constraints = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video: constraints, audio: false });
      if (!dialog.open) return end(stream);
      video.srcObject = stream;
      await video.play();
      words.textContent = "";
      shoot.disabled = false;
      shoot.focus();
    } catch (error) {
      words.textContent = error.name === "NotAllowedError" ? DENIED : ABSENT;
    }
  });

  shoot.addEventListener("click", async () => {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
    number += 1;
    const name = `camera-${number}.jpg`;
    onPhotos([{ file: new File([blob], name, { type: "image/jpeg" }), path: name }]);
    words.textContent = `Taken: ${name}. Its answer is among the others.`;
  });

  document.getElementById("camera-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    end(video.srcObject);
    video.srcObject = null;
  });
}

function end(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
