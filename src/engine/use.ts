import type { Engine, EngineName, Placement, Session } from './types.ts';

/** What computed something, for reports. */
export interface EngineUse {
  readonly name: EngineName;
  /** The adapter, where it has a name. */
  readonly device?: string;
  /** Which provider computed how many nodes, where the engine has several providers. */
  readonly placement?: Placement;
}

/** What a session of an engine was computed by; call it after a run, before which nobody knows the placement. */
export function engineUse({ name, device }: Engine, session: Session): EngineUse {
  const placement = session.placement?.();
  return { name, ...(device !== undefined && { device }), ...(placement !== undefined && { placement }) };
}
