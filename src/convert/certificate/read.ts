import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { readJson } from '../../core/files.ts';
import { type Certificate, certificateSchema } from './schema.ts';

/** The certificate of a converted model's folder; null where there is none. Throws InputError for a malformed one. */
export async function readCertificate(folder: string): Promise<Certificate | null> {
  const path = join(folder, 'certificate.json');
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) return null;
  const result = certificateSchema.safeParse(await readJson(path));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.join('.') || 'the file';
  throw new InputError(`${path}: ${where}: ${(issue?.message ?? 'is malformed').replace(/\s+/g, ' ')}`);
}
