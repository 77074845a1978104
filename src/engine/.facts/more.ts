import { show, N, i, f, s, is, engine, build } from './lib.ts';
const off = { optimization: 'disabled' } as const;
for (const [r,c] of [[8192,2048],[64,2048],[2048,768]]) { const inputs = { x: [r, c] }, weights = { w: [c], b: [c] };
await show(`LN ${r}x${c}`, { nodes: [N('LayerNormalization', ['x','w','b'])], inputs, weights });
await show(`RMS ${r}x${c}`, { nodes: [N('RMSNormalization', ['x','w'])], inputs, weights });
await show(`SimplLN ${r}x${c}`, { nodes: [N('SimplifiedLayerNormalization', ['x','w'])], inputs, weights });
await show(`RMS composed ${r}x${c}`, { nodes: [N('Mul',['x','x'],['q']),N('ReduceMean',['q','ax'],['m']),N('Add',['m','e'],['me']),N('Sqrt',['me'],['r']),N('Reciprocal',['r'],['ri']),N('Mul',['x','ri'],['xn']),N('Mul',['xn','w'])], inputs, weights, ints: { ax: [-1] }, scalars: { e: 1e-5 } }, off);
await show(`RMS composed, opt all ${r}x${c}`, { nodes: [N('Mul',['x','x'],['q']),N('ReduceMean',['q','ax'],['m']),N('Add',['m','e'],['me']),N('Sqrt',['me'],['r']),N('Reciprocal',['r'],['ri']),N('Mul',['x','ri'],['xn']),N('Mul',['xn','w'])], inputs, weights, ints: { ax: [-1] }, scalars: { e: 1e-5 } });
}
await show(`Transpose [16,128,4,32]->0213`, { nodes: [N('Transpose', ['x'], ['y'], { perm: is(0,2,1,3) })], inputs: { x: [16,128,4,32] } }, off);
await show(`Transpose [16,4,128,32]->0132`, { nodes: [N('Transpose', ['x'], ['y'], { perm: is(0,1,3,2) })], inputs: { x: [16,4,128,32] } }, off);
await show(`Transpose 2D 2048x512`, { nodes: [N('Transpose', ['x'], ['y'], { perm: is(1,0) })], inputs: { x: [2048,512] } }, off);
await show(`Transpose [16,128,12,64]->0213`, { nodes: [N('Transpose', ['x'], ['y'], { perm: is(0,2,1,3) })], inputs: { x: [16,128,12,64] } }, off);
await show(`Swish op24 off`, { nodes: [N('Swish', ['x'], ['y'])], inputs: { x: [2048,512] }, opset: 24 }, off);
