import { fixed } from '../format.ts';
import { textWidth } from './svg.ts';

/** The frame of a plot of times relative to something: a row for each name, panels above each other, less to the left. */
export function relativeTimeFrame(
  rows: readonly { readonly low: number; readonly high: number }[],
  {
    names,
    panels,
    width,
    reference,
  }: {
    readonly names: readonly string[];
    readonly panels: readonly string[];
    readonly width: number;
    /** What has 1. */
    readonly reference: string;
  },
) {
  const ends = rows.flatMap(({ low, high }) => [low, high]);
  const room = (Math.max(...ends) - Math.min(...ends)) * 0.04 || 0.01;
  return {
    marginLeft: Math.min(Math.max(...names.map(textWidth)) + 16, width * 0.45),
    marginRight: 16,
    marginTop: 24,
    x: {
      label: `← faster · time relative to ${reference}`,
      labelArrow: 'none' as const,
      domain: [Math.min(...ends) - room, Math.max(...ends) + room],
      grid: true,
      ticks: width < 500 ? 4 : 8,
      tickFormat: (value: number) => fixed(value, 2),
    },
    y: { type: 'band' as const, domain: names, label: null, tickSize: 0, padding: 0 },
    fy: { domain: panels, axis: null, padding: 0.2 },
  };
}
