import { Command } from 'commander';
import { convertCommand } from './commands/convert.ts';
import { NormlabError } from '../core/errors.ts';
import { withInterrupts } from '../core/interrupt.ts';
process.exitCode = await withInterrupts(async (signal) => { const p=new Command('normlab').exitOverride(); convertCommand.register(p,{stdout:process.stdout,stderr:process.stderr,signal}); await p.parseAsync(process.argv.slice(2),{from:'user'}); return 0;}).catch((e)=>{ if(e instanceof NormlabError){console.error('normlab: '+e.message);return e.exitCode} console.error(e); return 70;});
process.on('exit',()=>console.error('maxRSS MiB', process.resourceUsage().maxRSS/1024, 'time', process.uptime()));
