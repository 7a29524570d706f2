// How does a public suffix list come to the core? As one text, a rule a line, with names beyond ASCII as they go over the wire.

import { failure } from "./error.js";

/** The list as the core reads it. */
export function suffixList(list: unknown): string {
  const text = Array.isArray(list) ? list.join("\n") : list;
  if (typeof text !== "string") {
    throw failure("config_invalid", "program", "`publicSuffixes` is the text of a public suffix list, or an array of its rules");
  }
  // The core knows no Unicode; what the list of publicsuffix.org writes in it, every runtime's `URL` can turn into Punycode.
  return text.replace(/^(?!\/\/)\S*[^\0-\x7f]\S*/gm, (rule) => {
    const name = rule.replace(/^(\*\.|!)/, "");
    return rule.slice(0, rule.length - name.length) + punycode(name);
  });
}

function punycode(name: string): string {
  try {
    return new URL(`http://${name}`).hostname;
  } catch {
    return name;
  }
}
