// What may a platform ask while an account signs in, and who answers?

import type { CoreSession } from "./core/engine.js";
import type { AskEffect } from "./core/outputs.js";
import { failure } from "./error.js";
import type { Credentials } from "./platform.js";

/** Who is asked, and until when. */
export interface AskContext {
  /** The account that is signing in. */
  readonly account: string;
  /** Aborts when the answer is not waited for any more: the sign-in ended, or `timeouts.challenge` passed. */
  readonly signal: AbortSignal;
}

/** The platform asks for the code of a second factor. */
export interface SecondFactorQuestion {
  /** How many codes may still be tried, where that is known. */
  readonly triesLeft: number | undefined;
  /** How many codes the platform has refused in this sign-in so far. */
  readonly refused: number;
}

/** The platform asks for a person's consent in a browser. */
export interface AuthorizeQuestion {
  /** The address to open. */
  readonly url: string;
  /** Where the browser is sent back to. */
  readonly redirectUri: string;
}

/** The platform gives a code that a person enters on another device. */
export interface DeviceCodeQuestion {
  /** What the person enters. */
  readonly userCode: string;
  /** Where the person enters it. */
  readonly verificationUri: string;
  /** The same address with the code in it, where the platform gives one. */
  readonly verificationUriComplete: string | undefined;
  /** For how many milliseconds the code is good. */
  readonly expiresIn: number;
}

/**
 * Answers what a platform asks while an account signs in, each kind of question by a function of its own. A function that throws
 * ends the sign-in with `challenge_cancelled`, and what it threw is the error's `cause`.
 */
export interface Asks {
  /** The code of a second factor. Asked again, with `refused` grown, where the code was wrong and tries are left. */
  readonly secondFactor?: (question: SecondFactorQuestion, context: AskContext) => string | Promise<string>;
  /** The whole address that the person's browser was sent back to. */
  readonly authorize?: (question: AuthorizeQuestion, context: AskContext) => string | URL | Promise<string | URL>;
  /** Shows the code to the person; signing in goes on by itself once they have entered it. */
  readonly deviceCode?: (question: DeviceCodeQuestion, context: AskContext) => void | Promise<void>;
  /**
   * A sign-in of the program's own, for platforms whose recipe is `custom`: from the credentials that were given to what the session
   * shows itself with (cookies, headers, `access_token`, `refresh_token`, `expires_in` …).
   */
  readonly custom?: (credentials: Credentials, context: AskContext) => Credentials | Promise<Credentials>;
}

/** Asks the program; ends with what to tell the machine, and with what was thrown. */
export async function answerTo(effect: AskEffect, asks: Asks, context: AskContext): Promise<Told> {
  const { id, question } = effect;
  try {
    const [answer, text] = await answered(question, asks, context);
    return { tell: (core, mono, wall) => core.told(id, answer, text, mono, wall), thrown: undefined };
  } catch (thrown) {
    const { name } = thrown as { name?: unknown };
    const why = thrown instanceof Unanswered ? thrown.message : `the program's answer to \`${question.type}\` threw ${String(name)}`;
    return { tell: (core, mono, wall) => core.notTold(id, why, mono, wall), thrown };
  }
}

/** What to tell the machine. */
export interface Told {
  readonly tell: (core: CoreSession, mono: number, wall: number) => boolean;
  readonly thrown: unknown;
}

/** A question, as the core puts it. */
export type Question =
  | ({ readonly type: "second_factor" } & SecondFactorQuestion)
  | ({ readonly type: "authorize" } & AuthorizeQuestion)
  | ({ readonly type: "device_code" } & DeviceCodeQuestion)
  | { readonly type: "custom"; readonly credentials: Credentials }
  | { readonly type: "other" };

async function answered(question: Question, asks: Asks, context: AskContext): Promise<[answer: string, text: string]> {
  switch (question.type) {
    case "second_factor": {
      const { triesLeft, refused } = question;
      return ["code", text(await given(asks, "secondFactor")({ triesLeft, refused }, context), "secondFactor")];
    }
    case "authorize": {
      const { url, redirectUri } = question;
      return ["redirected", text(String(await given(asks, "authorize")({ url, redirectUri }, context)), "authorize")];
    }
    case "device_code": {
      const { userCode, verificationUri, verificationUriComplete, expiresIn } = question;
      await given(asks, "deviceCode")({ userCode, verificationUri, verificationUriComplete, expiresIn }, context);
      return ["shown", ""];
    }
    case "custom": {
      const credentials = await given(asks, "custom")(question.credentials, context);
      if (typeof credentials !== "object" || credentials === null) throw new Unanswered("`asks.custom` gave no credentials");
      return ["signed_in", JSON.stringify(credentials)];
    }
    case "other":
      throw new Unanswered("this release does not know what the platform asks");
  }
}

function given<K extends keyof Asks>(asks: Asks, name: K): NonNullable<Asks[K]> {
  const answer = asks[name];
  if (answer === undefined) throw new Unanswered(`the client was given no \`asks.${name}\``);
  return answer;
}

function text(answer: unknown, name: keyof Asks): string {
  if (typeof answer !== "string" || answer === "") throw new Unanswered(`\`asks.${name}\` gave no text`);
  return answer;
}

/** Why there is no answer, in words of our own. */
class Unanswered extends Error {}

/** Refuses what is no function. */
export function checkAsks(asks: Asks): void {
  for (const [name, answer] of Object.entries(asks)) {
    if (answer !== undefined && typeof answer !== "function") {
      throw failure("config_invalid", "program", `\`asks.${name}\` must be a function`);
    }
  }
}

/** The names of the questions. */
export const ASKS: readonly (keyof Asks)[] = ["secondFactor", "authorize", "deviceCode", "custom"];
