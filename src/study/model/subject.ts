import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { explainFileError } from '../../core/fileErrors.ts';
import { formatBytes } from '../../core/format.ts';
import {
  countParameters,
  describeDecoder,
  type Inspection,
  inspectFolder,
  normGroups,
  openModel,
  type StoredWeights,
} from '../../models/index.ts';
import type { ModelResults } from '../../report/index.ts';

/** The model that a study is about. */
export interface StudySubject extends Inspection {
  readonly name: string;
  /** What stands for the config and the weights where a part's result is kept: another one, another model. */
  readonly identity: unknown;
}

/**
 * Looks at the folder of the model that a study is about, before anything is measured.
 *
 * Throws InputError or RefusalError, one line, for what is no model's folder, and for weights that don't fit their config.
 */
export async function openSubject(folder: string): Promise<StudySubject> {
  if (folder === '') throw new InputError('study: the name of the model’s folder is empty; name one with --model');
  const status = await stat(folder).catch((error: unknown) => {
    throw explainFileError(error, folder);
  });
  if (!status.isDirectory())
    throw new InputError(`${folder}: is a file, expected a model’s folder with its config.json`);
  const inspection = await inspectFolder(folder);
  if (inspection.problem !== null) throw new InputError(inspection.problem);
  const files = inspection.weights === null ? [] : await weightFiles(folder);
  return { ...inspection, name: nameOf(folder), identity: { config: inspection.config, files } };
}

/** The files of the weights: name, length and time of the last change. Hashing them would take as long as reading them. */
async function weightFiles(folder: string): Promise<readonly unknown[]> {
  const { checkpoint } = await openModel(folder);
  await checkpoint.close();
  return await Promise.all(
    checkpoint.files.map(async (file) => {
      const { size, mtimeMs } = await stat(file);
      return [basename(file), size, mtimeMs];
    }),
  );
}

/** What a model is called by its folder; that of a hub cache is `models--owner--name/snapshots/<revision>`. */
function nameOf(folder: string): string {
  const path = resolve(folder);
  const parent = dirname(path);
  if (basename(parent) !== 'snapshots') return basename(path) || path;
  return basename(dirname(parent))
    .replace(/^models--/, '')
    .replaceAll('--', '/');
}

/** What a subject is, in the form of the report. */
export function describeSubject({
  name,
  family,
  spec,
  weights,
}: StudySubject): Pick<
  ModelResults,
  'name' | 'family' | 'parameters' | 'layers' | 'hiddenSize' | 'weights' | 'description' | 'norms'
> {
  return {
    name,
    family: family.id,
    parameters: countParameters(spec),
    layers: spec.numLayers,
    hiddenSize: spec.hiddenSize,
    weights: weights === null ? null : weightsText(weights),
    description: describeDecoder(spec).map(({ label, text }) => ({ label, text })),
    norms: normGroups(spec).map(({ kind, name: norm, where, count, width, epsilon, parameters }) => ({
      id: kind,
      name: norm,
      where,
      count,
      width,
      epsilon,
      parameters,
    })),
  };
}

function weightsText({ files, bytes, byDType }: StoredWeights): string {
  const dtypes = [...byDType.keys()].join(' and ');
  return `${formatBytes(bytes)} of ${dtypes} in ${files} ${files === 1 ? 'file' : 'files'}`;
}
