/**
 * What the process exits with.
 *
 * 0 done; 1 a check ran and said no; 2 refused or bad input; 70 a bug of ours; 130 interrupted.
 */
export const exitCodes = { done: 0, checkFailed: 1, refused: 2, bug: 70, interrupted: 130 } as const;

/** The base of every error that normlab throws on purpose. Its message is one line that a user can act on. */
export class NormlabError extends Error {
  readonly exitCode: number = exitCodes.refused;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The input is wrong: a truncated file, a missing key, an unknown name. Exit code 2. */
export class InputError extends NormlabError {}

/** The input is fine but what was asked for can't be done exactly, or gains nothing. Exit code 2. */
export class RefusalError extends NormlabError {}

/** A check ran and its answer is no: a verification, a certificate. Exit code 1. */
export class CheckFailedError extends NormlabError {
  override readonly exitCode = exitCodes.checkFailed;
}

/** The user stopped the work (Ctrl-C, SIGTERM). Exit code 130. */
export class InterruptedError extends NormlabError {
  override readonly exitCode = exitCodes.interrupted;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
