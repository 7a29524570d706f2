/**
 * Hallpass keeps API clients signed in: it signs in or resumes, renews once, retries politely, and saves sessions encrypted.
 *
 * @packageDocumentation
 */

export type {
  AskContext,
  Asks,
  AuthorizeQuestion,
  DeviceCodeQuestion,
  SecondFactorQuestion,
} from "./asks.js";
export { Client, type ClientOptions, type NoticeListener, type SavedSession } from "./client.js";
export { type EachOptions, forEach, type Outcome } from "./each.js";
export { type ErrorFacts, type ErrorKind, type Fault, HallpassError, type Retry } from "./error.js";
export { type EventsOptions, type Lagged, NoticeEvent } from "./events.js";
export { Imported } from "./imported.js";
export type { Lease, LeaseOutcome, PooledSession } from "./lease.js";
export { MemoryStore } from "./memory-store.js";
export { NOTICE_TYPES, type Notice, type NoticeType } from "./notice.js";
export type { Credentials, Login, PlatformDefinition } from "./platform.js";
export type { AcquireOptions, PoolMember, PoolOptions, PoolReason, PoolStats, SessionPool } from "./pool.js";
export { replyInfo, type ReplyInfo, type Verdict } from "./reply.js";
export type { CallOptions } from "./request.js";
export { Rules, type RulesDocument, type RulesOptions } from "./rules.js";
export type { Runtime } from "./runtime.js";
export type { Session, SessionFetch, SessionState, SessionStats } from "./session.js";
export type { Signer, SignRequest } from "./sign.js";
export type { ClientStats, SessionSnapshot, Totals } from "./snapshot.js";
export {
  type Capabilities,
  type Expected,
  type Expiry,
  type Page,
  type RecordKey,
  type RecordKind,
  type Store,
  StoreError,
  type StoredRecord,
  type StoreFault,
} from "./store.js";
