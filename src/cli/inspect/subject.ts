import { stat } from 'node:fs/promises';
import {
  type Certificate,
  type ConversionVerdict,
  conversionTargets,
  conversionVerdict,
  type Provenance,
  provenanceOf,
  readCertificate,
} from '../../convert/index.ts';
import { InputError, messageOf, NormlabError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { didYouMean } from '../../core/suggest.ts';
import {
  countParameters,
  type DecoderSpec,
  describeDecoder,
  familyOf,
  inspectFolder,
  normGroups,
  type Preset,
  presetSpec,
  presets,
  type StoredWeights,
} from '../../models/index.ts';

/** Everything that `normlab inspect` says about a folder or a preset. */
export interface Subject {
  /** The folder as it was given, or the preset's id. */
  readonly name: string;
  readonly preset: Preset | null;
  readonly family: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly spec: DecoderSpec;
  readonly parameters: number;
  readonly description: ReturnType<typeof describeDecoder>;
  readonly norms: ReturnType<typeof normGroups>;
  /** Null where there are no files. */
  readonly weights: StoredWeights | null;
  readonly conversions: readonly ConversionVerdict[];
  readonly converted: Converted | null;
  /** What is wrong with a folder whose config is fine. */
  readonly problem: string | null;
}

/** What is known of the conversion that a folder came from. */
export interface Converted extends Provenance {
  readonly certificate: Certificate | null;
}

/**
 * Looks at a folder, or at a preset where there is none of that name.
 *
 * Throws InputError for a name that is neither, and as `inspectFolder` does.
 */
export async function inspectSubject(name: string): Promise<Subject> {
  const status = await stat(name).catch(() => undefined);
  if (status?.isDirectory()) return inspectFolderSubject(name);
  if (status !== undefined) throw new InputError(`${name}: is a file, expected a model’s folder or a preset’s name`);
  const preset = presets.find(({ id }) => id === name.toLowerCase());
  if (preset !== undefined) return presetSubject(preset);
  if (/[\\/]/.test(name)) throw new InputError(`${name}: no such folder`);
  const ids = presets.map(({ id }) => id);
  throw new InputError(
    `inspect: ${quote(name)} is neither a folder nor a preset${didYouMean(name, ids)}; normlab models lists the presets`,
  );
}

function presetSubject(preset: Preset): Subject {
  const { id, config } = preset;
  return describe({
    name: id,
    preset,
    family: familyOf(config),
    config,
    spec: presetSpec(preset),
    weights: null,
    converted: null,
    problem: null,
  });
}

async function inspectFolderSubject(folder: string): Promise<Subject> {
  const { family, config, spec, weights, problem } = await inspectFolder(folder);
  const { converted, problem: other } = await inspectConversion(folder, config);
  return describe({ name: folder, preset: null, family, config, spec, weights, converted, problem: problem ?? other });
}

async function inspectConversion(
  folder: string,
  config: Subject['config'],
): Promise<Pick<Subject, 'converted' | 'problem'>> {
  const provenance = provenanceOf(config);
  if (provenance === undefined) return { converted: null, problem: null };
  try {
    return { converted: { ...provenance, certificate: await readCertificate(folder) }, problem: null };
  } catch (error) {
    if (!(error instanceof NormlabError)) throw error;
    return { converted: { ...provenance, certificate: null }, problem: messageOf(error) };
  }
}

type Given = Omit<Subject, 'family' | 'parameters' | 'description' | 'norms' | 'conversions'> & {
  readonly family: ReturnType<typeof familyOf>;
};

function describe(given: Given): Subject {
  const { name, family, spec, config } = given;
  return {
    ...given,
    family: family.id,
    parameters: countParameters(spec),
    description: describeDecoder(spec),
    norms: normGroups(spec),
    conversions: conversionTargets.map((target) => conversionVerdict({ folder: name, family, spec, config }, target)),
  };
}
