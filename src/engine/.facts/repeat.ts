import { N, i, f, s, is, engine, build } from './lib.ts';
const MS = 'com.microsoft';
const ix = Array.from({ length: 2048 }, (_, k) => (k * 7919) % 256);
const cases: [string, any][] = [
 ['MatMul [2048,128]x[128,512]', { nodes: [N('MatMul',['a','b'])], inputs: { a:[2048,128], b:[128,512] } }],
 ['MatMul [128,2048]x[2048,512]', { nodes: [N('MatMul',['a','b'])], inputs: { a:[128,2048], b:[2048,512] } }],
 ['MatMul [128,2048]x[2048,512] w', { nodes: [N('MatMul',['a','b'])], inputs: { a:[128,2048] }, weights: { b:[2048,512] } }],
 ['MatMul [1,2048]x[2048,512]', { nodes: [N('MatMul',['a','b'])], inputs: { a:[1,2048], b:[2048,512] } }],
 ['MatMul [1,768]x[768,50257] w', { nodes: [N('MatMul',['a','b'])], inputs: { a:[1,768]}, weights: { b:[768,50257] } }],
 ['MatMul [2048,512]x[512,1]', { nodes: [N('MatMul',['a','b'])], inputs: { a:[2048,512], b:[512,1] } }],
 ['MatMul [3,1024]x[1024,5]', { nodes: [N('MatMul',['a','b'])], inputs: { a:[3,1024], b:[1024,5] } }],
 ['MatMul [256,65536]x[65536,128]', { nodes: [N('MatMul',['a','b'])], inputs: { a:[16,65536], b:[65536,128] } }],
 ['Gemm transA', { nodes: [N('Gemm',['a','b'],['y'],{ transA: i(1) })], inputs: { a:[2048,128], b:[2048,512] } }],
 ['Gemm transA [2048,1]', { nodes: [N('Gemm',['a','b'],['y'],{ transA: i(1) })], inputs: { a:[2048,1], b:[2048,512] } }],
 ['Gemm transB', { nodes: [N('Gemm',['a','b'],['y'],{ transB: i(1) })], inputs: { a:[2048,128], b:[512,128] } }],
 ['FusedMatMul transA', { nodes: [N('FusedMatMul',['a','b'],['y'],{ transA: i(1) }, MS)], inputs: { a:[2048,128], b:[2048,512] } }],
 ['batched MatMul', { nodes: [N('MatMul',['a','b'])], inputs: { a:[64,128,32], b:[64,32,128] } }],
 ['batched MatMul transA', { nodes: [N('FusedMatMul',['a','b'],['y'],{transA:i(1)},MS)], inputs: { a:[64,128,128], b:[64,128,32] } }],
 ['batched MatMul 3', { nodes: [N('MatMul',['a','b'])], inputs: { a:[3,128,32], b:[3,32,128] } }],
 ['Softmax', { nodes: [N('Softmax',['a'])], inputs: { a:[64,128,128] } }],
 ['Softmax [3,50257]', { nodes: [N('Softmax',['a'])], inputs: { a:[3,50257] } }],
 ['LogSoftmax', { nodes: [N('LogSoftmax',['a'])], inputs: { a:[2048,512] } }],
 ['LayerNormalization', { nodes: [N('LayerNormalization',['a','w','b'])], inputs: { a:[2048,128], w:[128], b:[128] } }],
 ['RMSNormalization', { nodes: [N('RMSNormalization',['a','w'])], inputs: { a:[2048,128], w:[128] } }],
 ['SimplifiedLN', { nodes: [N('SimplifiedLayerNormalization',['a','w'])], inputs: { a:[512,2048], w:[2048] } }],
 ...[['Sum'],['Mean'],['SumSquare'],['L2'],['LogSumExp'],['Max']].flatMap(([r]) => [[[2048,128],[0]],[[2048,512],[0]],[[16,128,512],[0,1]],[[2048,128],[1]],[[2048,128],[0,1]],[[3,100000],[1]],[[100000],[0]],[[16,128,4,32],[0,2]],[[16,128,4,32],[1]]].map(([sh, ax]) => [`Reduce${r} ${JSON.stringify(sh)} over ${JSON.stringify(ax)}`, { nodes: [N('Reduce'+r,['a','ax'],['y'],{keepdims:i(0)})], inputs: { a: sh }, ints: { ax } }] as [string, any])),
 ['Gelu', { nodes: [N('Gelu',['a'])], inputs: { a:[2047,511] } }],
 ['Gelu tanh', { nodes: [N('Gelu',['a'],['y'],{approximate:s('tanh')})], inputs: { a:[2047,511] } }],
 ['QuickGelu', { nodes: [N('QuickGelu',['a'],['y'],{},MS)], inputs: { a:[2047,511] } }],
 ...['Tanh','Erf','Sigmoid','Exp','Sqrt','Reciprocal'].map((op) => [op, { nodes: [N(op,['a'])], inputs: { a:[2047,511] } }] as [string, any]),
 ['Pow', { nodes: [N('Abs',['a'],['p']),N('Pow',['p','k'])], inputs: { a:[2047,511] }, scalars: { k: 1.7 } }],
 ['ScatterElements add', { nodes: [N('ScatterElements',['w','ix','x'],['y'],{axis:i(0),reduction:s('add')})], inputs: { x:[2048,128], w:[256,128] }, idx: { ix: { shape:[2048,128], values: ix.flatMap((r) => Array.from({length:128},()=>r)) } } }],
 ['ScatterND add', { nodes: [N('ScatterND',['w','ix','x'],['y'],{reduction:s('add')})], inputs: { x:[2048,128], w:[256,128] }, idx: { ix: { shape:[2048,1], values: ix } } }],
 ['Sum3', { nodes: [N('Sum',['a','b','c'])], inputs: { a:[2047,511], b:[2047,511], c: [2047,511] } }],
];
for (const [label, sp] of cases) {
  const { bytes, feeds } = build(sp);
  const outs: Buffer[] = [];
  for (const threads of [1, 2, 3, 4]) { const ss = await engine.createSession(bytes, { threads }); for (let k = 0; k < 5; k++) { const y = (await ss.run(feeds)).y!.data as Float32Array; outs.push(Buffer.from(y.slice().buffer)); } await ss.release(); }
  const diff = outs.map((o) => o.equals(outs[0]!) ? '=' : 'X').join('');
  let maxd = 0; if (diff.includes('X')) { const a = new Float32Array(outs[0]!.buffer, outs[0]!.byteOffset, outs[0]!.length/4); for (const o of outs) { const b = new Float32Array(o.buffer, o.byteOffset, o.length/4); for (let k = 0; k < a.length; k++) maxd = Math.max(maxd, Math.abs(a[k]!-b[k]!)); } }
  if (diff.includes('X')) console.log('DIFF', label, diff, maxd);
}
console.log(cases.length, 'cases');
