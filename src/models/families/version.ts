import type { ConfigReader } from './config.ts';

/**
 * Whether a config says that an older release of transformers wrote it. For keys that releases read differently: a
 * model is run as the code did that it was saved with.
 */
export function isWrittenBefore(config: ConfigReader, major: number, minor: number): boolean {
  const version = /^(\d+)\.(\d+)/.exec(config.optionalText('transformers_version') ?? '');
  if (version === null) return false;
  const [, ownMajor, ownMinor] = version.map(Number);
  return (ownMajor ?? major) < major || (ownMajor === major && (ownMinor ?? minor) < minor);
}
