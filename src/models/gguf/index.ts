export { writeGgufModel } from './write.ts';
