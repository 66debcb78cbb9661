// Find "--group-by": in the search box, "-" before a word would exclude the pages that have it.
{
  const send = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...rest) {
    if (typeof message?.data === "string") {
      message = { ...message, data: message.data.replace(/(^|\s)-+/g, "$1") };
    }
    return send.call(this, message, ...rest);
  };
}
