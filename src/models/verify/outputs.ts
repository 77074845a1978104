import { InputError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { formatShape, sameShape, sizeOf } from '../../core/shape.ts';
import { didYouMean } from '../../core/suggest.ts';
import { crossEntropy, gradients, mean, slice, type Tensor } from '../../graph/index.ts';
import { buildDecoder, type DecoderGraph } from '../build.ts';
import type { Model } from '../load.ts';
import { gradientPrefix } from './groups.ts';
import type { RecordedTensor, Recording } from './recording.ts';

/**
 * The tensors of a model's graph that correspond to recorded ones, by their recorded names.
 *
 * The loss is the mean cross-entropy of positions 0 to n − 2 for the ids 1 to n − 1, over the whole batch. Throws
 * InputError for a recorded tensor that the model lacks or has in another shape.
 */
export function recordedOutputs(model: Model, recording: Recording): ReadonlyMap<string, Tensor> {
  const { batch, sequence, tensors } = recording;
  const graph = buildDecoder(model.spec, { batch, sequence, storage: model.storage });
  const where = recording.file.path;
  const needsLoss = tensors.some(({ group }) => group === 'loss' || group === 'gradients');
  if (needsLoss && sequence < 2) {
    throw new InputError(`${where}: input_ids are 1 long, but a loss needs a next token; use --only logits`);
  }
  const loss = needsLoss ? nextTokenLoss(graph, sequence) : undefined;
  const differentiated = tensors
    .filter(({ group }) => group === 'gradients')
    .map(({ name }) => ({ name, parameter: parameterOf(name, model, graph, where) }));
  const parameters = differentiated.map(({ parameter }) => parameter);
  const backward = loss === undefined ? [] : gradients(loss, parameters);
  const gradientOf = new Map(differentiated.map(({ name }, i) => [name, backward[i]]));

  const hiddenStates = model.family.hiddenStatesEndBeforeFinalNorm
    ? [...graph.hiddenStates.slice(0, -1), graph.lastBlockOut]
    : graph.hiddenStates;
  const find = (recorded: RecordedTensor): Tensor | undefined => {
    switch (recorded.group) {
      case 'logits':
        return graph.logits;
      case 'loss':
        return loss;
      case 'gradients':
        return gradientOf.get(recorded.name);
      case 'hidden_states':
        return recorded.name === 'last_block_out' ? graph.lastBlockOut : hiddenStates[numberOf(recorded.name)];
    }
  };
  return new Map(
    tensors.map((recorded) => {
      const tensor = find(recorded);
      if (tensor === undefined) {
        throw new InputError(
          `${where}: holds ${quote(recorded.name)}, but the model has ${model.spec.numLayers} layers`,
        );
      }
      checkShape(recorded, tensor, where);
      return [recorded.name, tensor];
    }),
  );
}

/** The mean cross-entropy of each position but the last for the token after it. */
export function nextTokenLoss({ logits, inputIds }: DecoderGraph, sequence: number): Tensor {
  return mean(crossEntropy(slice(logits, 1, 0, sequence - 1), slice(inputIds, 1, 1, sequence)));
}

/** The parameter of a recorded gradient. Recordings name it as the whole model does; a checkpoint may lack the prefix. */
function parameterOf(name: string, { family, storage }: Model, graph: DecoderGraph, where: string): Tensor {
  const stored = name.slice(gradientPrefix.length);
  const bare = stored.startsWith(family.namePrefix) ? stored.slice(family.namePrefix.length) : stored;
  const parameter = graph.parameters.get(stored) ?? graph.parameters.get(bare);
  if (parameter !== undefined) return parameter;
  const known = [...storage.values()].map(({ tensor }) => tensor);
  throw new InputError(
    `${where}: holds ${quote(name)}, but the model has no tensor ${quote(stored)}${didYouMean(stored, known)}`,
  );
}

function numberOf(name: string): number {
  return Number(name.slice(name.indexOf('.') + 1));
}

function checkShape({ name, group, shape }: RecordedTensor, tensor: Tensor, where: string): void {
  const fits = group === 'loss' ? sizeOf(shape) === 1 : sameShape(shape, tensor.shape);
  if (fits) return;
  const expected = formatShape(group === 'loss' ? [1] : tensor.shape);
  throw new InputError(`${where}: ${name} has shape ${formatShape(shape)}, expected ${expected} for this model`);
}
