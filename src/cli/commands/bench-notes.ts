/** What the benchmarks' intervals are over. */
export const intervalNote =
  "95 % interval: Student's, over the times that all sessions were created anew: where their memory lies favours one or another.";
