import { input, leavesOf, parameter, type Tensor } from '../graph/index.ts';
import { attentionContext } from './attention.ts';
import { block, embed, logitsOf, normedAtTheEnd } from './blocks.ts';
import { decoderParameters } from './layout.ts';
import type { DecoderSpec } from './spec.ts';
import { collectWeights, type Storage } from './weights.ts';

/**
 * A piece of a decoder.
 *
 * `embedding`: from token ids to the stream. `block`: from stream to stream. `end`: from the stream to what the head reads.
 * `logits`: from that to the logits.
 */
export type Piece =
  | { readonly kind: 'embedding' | 'end' | 'logits' }
  | { readonly kind: 'block'; readonly layer: number };

/** The graph of a piece. It reads int `input_ids` `[batch, sequence]`, or `x` `[batch, sequence, width]`. */
export interface PieceGraph {
  /** `[batch, sequence, …]` */
  readonly output: Tensor;
  /**
   * The canonical name of each parameter that it uses, by its name in the graph: blocks that differ in nothing but their
   * parameters have the same graph.
   */
  readonly parameters: ReadonlyMap<string, string>;
}

export interface PieceOptions {
  readonly batch: number;
  readonly sequence: number;
  /** Parameters of which the graph has only so many of their rows, or of a vector's entries, by canonical name. */
  readonly rows?: ReadonlyMap<string, number> | undefined;
}

/** Builds a piece of a decoder: all pieces one after the other compute what `buildDecoder`'s graph does. */
export function buildPiece(spec: DecoderSpec, piece: Piece, options: PieceOptions): PieceGraph {
  const { batch, sequence, rows } = options;
  const declared = decoderParameters(spec);
  const prefix = piece.kind === 'block' ? `blocks.${piece.layer}.` : '';
  const storage: Storage = new Map(
    declared.map(({ name }) => [name, { tensor: graphName(name, prefix), transposed: false }]),
  );
  const canonical = new Map(declared.map(({ name }) => [graphName(name, prefix), name]));
  const weights = collectWeights(spec, {
    storage,
    parameter: (name, shape) => {
      const count = rows?.get(canonical.get(name) ?? name);
      return parameter(name, count === undefined ? shape : [count, ...shape.slice(1)]);
    },
  });
  const positions = { kind: 'counted', length: sequence } as const;
  const x = (width: number) => input('x', 'float', [batch, sequence, width]);
  const build = (): Tensor => {
    switch (piece.kind) {
      case 'embedding':
        return embed(spec, weights, input('input_ids', 'int', [batch, sequence]), positions);
      case 'block':
        return block(attentionContext(spec, weights, { batch, positions }), piece.layer, x(spec.streamSize));
      case 'end':
        return normedAtTheEnd(spec, weights, x(spec.streamSize));
      case 'logits':
        return logitsOf(spec, weights, x(spec.embeddingSize ?? spec.streamSize));
    }
  };
  const output = build();
  const used = leavesOf([output]).flatMap(({ origin }) => (origin.kind === 'parameter' ? [origin.name] : []));
  return { output, parameters: new Map(used.map((name) => [name, canonical.get(name) ?? name])) };
}

function graphName(name: string, prefix: string): string {
  return prefix !== '' && name.startsWith(prefix) ? `block.${name.slice(prefix.length)}` : name;
}
