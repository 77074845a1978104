import { show, N, i, f, s, is, engine, build } from './lib.ts';
const MS = 'com.microsoft';
for (const [r, c] of [[2048,128],[512,2048]]) {
  const inputs = { x: [r, c] }, weights = { w: [c], b: [c] };
  await show(`RMSNormalization ${r}x${c}`, { nodes: [N('RMSNormalization', ['x','w'], ['y'], { axis: i(-1), epsilon: f(1e-5) })], inputs, weights });
  await show(`RMSNormalization opt=disabled ${r}x${c}`, { nodes: [N('RMSNormalization', ['x','w'], ['y'], { axis: i(-1), epsilon: f(1e-5) })], inputs, weights }, { optimization: 'disabled' });
  await show(`SimplifiedLayerNormalization ${r}x${c}`, { nodes: [N('SimplifiedLayerNormalization', ['x','w'], ['y'], { axis: i(-1), epsilon: f(1e-5) })], inputs, weights });
  await show(`SimplifiedLN + inv_std out ${r}x${c}`, { nodes: [N('SimplifiedLayerNormalization', ['x','w'], ['y','inv'], { axis: i(-1), epsilon: f(1e-5) })], inputs, weights, outputs: ['y','inv'] });
  await show(`LayerNormalization ${r}x${c}`, { nodes: [N('LayerNormalization', ['x','w','b'], ['y'], { axis: i(-1), epsilon: f(1e-5) })], inputs, weights });
  await show(`LayerNormalization no bias ${r}x${c}`, { nodes: [N('LayerNormalization', ['x','w'], ['y'], { axis: i(-1), epsilon: f(1e-5) })], inputs, weights });
  await show(`LayerNormalization 3 outputs ${r}x${c}`, { nodes: [N('LayerNormalization', ['x','w','b'], ['y','m','inv'], { axis: i(-1), epsilon: f(1e-5) })], inputs, weights, outputs: ['y','m','inv'] });
  await show(`SkipSimplifiedLN ${r}x${c}`, { nodes: [N('SkipSimplifiedLayerNormalization', ['x','x2','w'], ['y'], { epsilon: f(1e-5) }, MS)], inputs: { x: [1,r,c], x2: [1,r,c] }, weights, oshape: ['a','b','c'] } as any);
  await show(`SkipLN ${r}x${c}`, { nodes: [N('SkipLayerNormalization', ['x','x2','w','b'], ['y'], { epsilon: f(1e-5) }, MS)], inputs: { x: [1,r,c], x2: [1,r,c] }, weights, oshape: ['a','b','c'] } as any);
}
for (const [r, c] of [[2048,128],[2048,512]]) {
  for (const op of ['Sum','Mean']) await show(`Reduce${op} axis0 ${r}x${c}`, { nodes: [N('Reduce'+op, ['x','ax'], ['y'], { keepdims: i(0) })], inputs: { x: [r,c] }, ints: { ax: [0] }, oshape: ['a'] } as any);
  await show(`ones[1,${r}] MatMul ${r}x${c}`, { nodes: [N('MatMul', ['o','x'])], inputs: { x: [r,c], o: [1,r] } });
  await show(`ones (init) MatMul ${r}x${c}`, { nodes: [N('MatMul', ['o','x'])], inputs: { x: [r,c] }, weights: { o: [1,r] } });
  await show(`Gemm ones[${r},1] transA ${r}x${c}`, { nodes: [N('Gemm', ['o','x'], ['y'], { transA: i(1) })], inputs: { x: [r,c], o: [r,1] } });
  await show(`ReduceMean axis-1 ${r}x${c}`, { nodes: [N('ReduceMean', ['x','ax'])], inputs: { x: [r,c] }, ints: { ax: [-1] } });
  await show(`ReduceSum axis-1 ${r}x${c}`, { nodes: [N('ReduceSum', ['x','ax'])], inputs: { x: [r,c] }, ints: { ax: [-1] } });
  await show(`ReduceSumSquare axis-1 ${r}x${c}`, { nodes: [N('ReduceSumSquare', ['x','ax'])], inputs: { x: [r,c] }, ints: { ax: [-1] } });
}
await show(`ReduceSum axes 0,1 [16,128,512]`, { nodes: [N('ReduceSum', ['x','ax'], ['y'], { keepdims: i(0) })], inputs: { x: [16,128,512] }, ints: { ax: [0,1] }, oshape: ['a'] } as any);
