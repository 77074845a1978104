import { tokens } from './palette.ts';

/** The style sheet of `report.html`. */
export function styleSheet(): string {
  return `
:root{color-scheme:light dark;${variables('light')}}
@media (prefers-color-scheme:dark){:root{${variables('dark')}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header,footer{max-width:760px;margin:0 auto;padding:0 20px}
header{padding-top:56px}
h1{font-size:1rem;font-weight:600;color:var(--muted);margin:0 0 12px}
h2{font-size:1.45rem;line-height:1.25;margin:64px 0 12px;text-wrap:balance}
.headline{font-size:clamp(1.35rem,1.1rem + 1.2vw,1.75rem);line-height:1.28;font-weight:650;letter-spacing:-.012em;margin:0 0 20px;text-wrap:pretty}
.summary{margin:0 0 8px;padding:10px 14px;background:var(--band);border-left:4px solid var(--norm-1);border-radius:3px}
.byline{color:var(--muted);font-size:.85rem;margin:14px 0 0}
nav{margin:20px 0 0;font-size:.9rem;display:flex;flex-wrap:wrap;gap:4px 18px}
p{margin:0 0 14px;text-wrap:pretty}
ul{margin:0 0 16px;padding-left:1.2em}
li{margin:0 0 6px}
a{color:var(--norm-1);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--norm-1);outline-offset:3px}
figure{margin:32px 0 36px}
figure svg{display:block;width:100%;height:auto}
.narrow{display:none}
figcaption,.caption{color:var(--muted);font-size:.86rem;line-height:1.5;text-align:left}
figcaption{margin-top:10px}
.figure-title{font-weight:650;font-size:1rem;margin:0 0 10px;line-height:1.35}
.scroll{overflow-x:auto;margin:24px 0 0;-webkit-overflow-scrolling:touch}
table{border-collapse:collapse;width:100%;font-size:.86rem;line-height:1.4}
.caption{margin:10px 0 32px}
th,td{padding:6px 12px 6px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--faint);overflow-wrap:break-word}
th{font-weight:600;color:var(--muted);vertical-align:bottom;border-bottom-color:var(--muted)}
td:not(.numeric){min-width:5.5em;max-width:24em}
.numeric{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
th.numeric{white-space:normal}
details{margin:20px 0 28px}
summary{cursor:pointer;font-size:.95rem}
code,pre{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{overflow-x:auto;margin:0 0 16px;padding:12px 14px;background:var(--band);border-radius:3px}
footer{padding-top:40px;padding-bottom:64px}
@media (max-width:620px){
body{font-size:16px}
header{padding-top:32px}
h2{margin-top:48px}
.wide{display:none}
.narrow{display:block}
}
@media print{body{font-size:11pt}figure,tr{break-inside:avoid}.scroll{overflow:visible}}
`.trim();
}

function variables(theme: 'light' | 'dark'): string {
  return Object.entries(tokens)
    .map(([token, color]) => `--${token}:${color[theme]};`)
    .join('');
}
