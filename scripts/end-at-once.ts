/**
 * Loaded into each process of tests. When nothing keeps it running any more, and everybody else has heard of its end, it ends.
 * Without this Node closes first what is still open, and once that went on for ever: 24.21 waited without a pause for a connection
 * that both sides had ended.
 */
process.on('exit', function endAtOnce(code) {
  for (const listener of process.listeners('exit')) if (listener !== endAtOnce) listener.call(process, code);
  process.exit();
});
