import { RefusalError } from '../../core/errors.ts';
import type { ConversionPlan } from '../rules/plan.ts';
import type { Format, FormatRequest } from './format.ts';
import { hf } from './hf.ts';
import { llama } from './llama.ts';
import { normlab } from './normlab.ts';
import { onnx } from './onnx/onnx.ts';

/** The formats, that which is written by default where it can be first; all lists of formats follow this one. */
const formats = [hf, normlab, llama, onnx] as const;

export type ConversionFormat = (typeof formats)[number]['id'];

/** Their names, as options and `certificate.json` have them. */
export const conversionFormats: readonly ConversionFormat[] = formats.map(({ id }) => id);

/** What each is, in a few words. */
export const formatMeanings: ReadonlyMap<ConversionFormat, string> = new Map(
  formats.map(({ id, meaning }) => [id, meaning]),
);

/** The format of a name. */
export function formatOf(id: ConversionFormat): Format<ConversionFormat> {
  const found = formats.find((format) => format.id === id);
  if (found === undefined) throw new RangeError(`convert: there is no format ${id}`);
  return found;
}

/**
 * How a model becomes what is asked for, stored in a format. Throws RefusalError where the format can't hold the converted
 * model.
 */
export function formatPlan(format: Format, request: FormatRequest): ConversionPlan {
  const { model, target } = request;
  if (!format.targets.includes(target)) {
    const others = formats.filter(({ targets }) => targets.some((other) => other === target));
    throw new RefusalError(
      `${model.folder}: format ${format.id} has no place for ${target}: ${format.otherTargets}; use --format ${others.map(({ id }) => id).join(' or ')}`,
    );
  }
  const obstacle = format.obstacle(request);
  if (obstacle !== undefined) throw new RefusalError(`${model.folder}: format ${format.id} ${obstacle}`);
  return format.plan(request);
}

/** The format that is written unless one is asked for: the source's own class where its norms have a place there. */
export function defaultFormat(model: FormatRequest['model'], target: FormatRequest['target']): ConversionFormat {
  const isOwnClass = hf.targets.some((other) => other === target);
  const fits = isOwnClass && hf.obstacle({ model, target, rewrites: {}, dtype: 'source' }) === undefined;
  return fits ? 'hf' : 'normlab';
}
