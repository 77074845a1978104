import { formatShape, sizeOf } from '../../../../core/shape.ts';
import type { OpEvaluation } from '../context.ts';
import { timesRows } from './product.ts';
import { windowOffsets, windowsOf } from './windows.ts';

/** x `[batch, channels, ...]`, weight `[filters, channels / groups, ...]`: one matrix product for each image and group. */
const conv: OpEvaluation = (op) => {
  const [x, weight] = [op.input(0), op.input(1)];
  const [batch = 0, channels = 0, ...spatial] = x.shape;
  const [filters = 0, groupChannels = 0, ...kernel] = weight.shape;
  const groups = op.int('group', 1);
  if (groups < 1 || groupChannels * groups !== channels || filters % groups !== 0) {
    op.fail(`the weight ${formatShape(weight.shape)} in ${groups} groups doesn't fit ${formatShape(x.shape)}`);
  }
  const windows = windowsOf(op, spatial, kernel);
  const [places, taps] = [sizeOf(windows.output), sizeOf(kernel)];
  const shape = op.sized([batch, filters, ...windows.output]);
  op.sized([places, taps]);
  op.sized([places, groupChannels * taps]);
  const offsets = windowOffsets(windows);
  const [image, inner, groupFilters] = [sizeOf(spatial), groupChannels * taps, filters / groups];
  const columns = new Float64Array(places * inner);
  const data = new Float64Array(sizeOf(shape));
  const bias = op.inputs[2]?.data;
  for (let b = 0; b < batch; b++) {
    for (let g = 0; g < groups; g++) {
      for (let c = 0; c < groupChannels; c++) {
        const channel = x.data.subarray((b * channels + g * groupChannels + c) * image);
        for (let place = 0; place < places; place++) {
          for (let tap = 0; tap < taps; tap++) {
            const offset = offsets[place * taps + tap] as number;
            columns[place * inner + c * taps + tap] = offset < 0 ? 0 : (channel[offset] as number);
          }
        }
      }
      const rows = weight.data.subarray(g * groupFilters * inner, (g + 1) * groupFilters * inner);
      data.set(timesRows(rows, columns, inner), (b * filters + g * groupFilters) * places);
    }
  }
  if (bias !== undefined) {
    for (let i = 0; i < data.length; i++) {
      data[i] = (data[i] as number) + (bias[Math.floor(i / places) % filters] ?? Number.NaN);
    }
  }
  return [{ dtype: 'float', shape, data }];
};

export const convolutions: Readonly<Record<string, OpEvaluation>> = { Conv: conv };
