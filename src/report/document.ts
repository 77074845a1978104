import type { Figure } from './plots/index.ts';

/** A piece of text: plain, code, or a link. */
export type Inline = string | { readonly code: string } | { readonly link: string; readonly href: string };

export interface Table {
  readonly caption: string;
  readonly columns: readonly { readonly heading: string; readonly numeric?: boolean }[];
  readonly rows: readonly (readonly Inline[])[];
}

export type Block =
  | { readonly kind: 'paragraph'; readonly content: readonly Inline[] }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'code'; readonly lines: readonly string[] }
  | { readonly kind: 'figure'; readonly figure: Figure }
  /** A long table is folded away under its caption. */
  | { readonly kind: 'table'; readonly table: Table; readonly folded: boolean };

export interface Section {
  readonly id: string;
  readonly heading: string;
  readonly blocks: readonly Block[];
}

/** The report's content, which `report.html` and `report.md` both render. */
export interface ReportDocument {
  readonly title: string;
  readonly headline: string;
  /** The first paragraph: the answer, how sure it is, what it does not show. */
  readonly summary: string;
  readonly byline: string;
  readonly sections: readonly Section[];
}
