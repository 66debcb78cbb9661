// Find "--group-by": in the search box, "-" before a word would exclude the pages that have it, and
// pages with one of its words would come before those with both. The last word may be half typed.
{
  const send = Worker.prototype.postMessage;
  const needed = (word) => (word.length > 3 ? `+${word}` : word); // shorter ones may not be indexed
  const option = (text) => text.replace(/[^-]+(?=-)/g, needed).replaceAll("-", " ");
  Worker.prototype.postMessage = function (message, ...rest) {
    if (typeof message?.data === "string") {
      const query = message.data.replace(/(^|\s)-+(\S*)/g, (_, space, text) => space + option(text));
      message = { ...message, data: query };
    }
    return send.call(this, message, ...rest);
  };
}
