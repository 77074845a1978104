/** Comparing a model with what somebody else's implementation computed. */
export { type ComputeDType, computeDTypes } from './compute.ts';
export { type Group, groups, parseGroups } from './groups.ts';
export { type Verification, type VerifiedTensor, type VerifyOptions, verifyModel } from './verify.ts';
