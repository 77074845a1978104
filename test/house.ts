const maxLines = 500;
const reasonPattern = /^\s*(?:\/\/|\*|\/\*\*?).*\blong because\b/im;

/** What is wrong with a source file's length. A longer one wants a comment that says `long because …`. */
export function lengthViolation(file: string, text: string): string | undefined {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (lines <= maxLines || reasonPattern.test(text)) return undefined;
  return `${file} has ${lines} lines, more than ${maxLines}: cut it, or say in a comment that it is "long because …"`;
}

// Put together here, so that this file does not hold what it forbids.
const workplaceWords = [['/wo', 'rk/'].join(''), ['hel', 'per'].join('')];
const registryHosts = [
  ['registry.', 'npmjs.org'],
  ['registry.', 'yarnpkg.com'],
  ['npm.pkg.', 'github.com'],
  ['pypi.', 'org'],
  ['files.python', 'hosted.org'],
  ['proxy.', 'golang.org'],
  ['download.', 'pytorch.org'],
].map((parts) => parts.join(''));

/** Lines of `file:line holds X` for words that belong to the place where this was made, not into the project. */
export function wordViolations(file: string, text: string): readonly string[] {
  // In Python the second word is the name of a module of ONNX.
  const words = [...(file.endsWith('.py') ? workplaceWords.slice(0, 1) : workplaceWords), ...registryHosts];
  return text
    .split('\n')
    .flatMap((line, i) =>
      words.filter((word) => line.toLowerCase().includes(word)).map((word) => `${file}:${i + 1} holds ${word}`),
    );
}
