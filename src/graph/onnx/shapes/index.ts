export { axesOf, axisOf, type ShapeContext } from './context.ts';
export { product as productOfDims } from './dims.ts';
export { constantTensor, type InferredShapes, inferShapes, knownDomains } from './infer.ts';
export { sliceBounds, takesAll } from './layout.ts';
