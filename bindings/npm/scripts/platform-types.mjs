// How do platform files look to TypeScript? Their types are made from the JSON Schema that the core generates, so they cannot drift.

/**
 * The types of `docs/platform.schema.json`.
 *
 * @param {any} schema
 */
export function platformTypes(schema) {
  const types = Object.entries({ PlatformDefinition: schema, ...schema.$defs })
    .map(([name, type]) => declaration(name === "Duration" ? "PlatformDuration" : name, type));
  const head = "// Made by scripts/platform-types.mjs from docs/platform.schema.json: how is a platform written as an object?\n";
  return [head, ...types].join("\n");
}

/** Types that have a name of their own outside. */
const PLAIN = new Set(["PlatformDefinition", "Login"]);
const named = (name) => (name === "Duration" ? "PlatformDuration" : PLAIN.has(name) ? name : `Platform${name}`);

function declaration(name, type) {
  const title = named(name === "PlatformDuration" ? "Duration" : name);
  return `${comment(type.description, "")}export type ${title} = ${text(type, "")};\n`;
}

function text(type, indent) {
  if (type.$ref !== undefined) return named(type.$ref.split("/").pop());
  if (type.const !== undefined) return JSON.stringify(type.const);
  if (type.enum !== undefined) return type.enum.map((one) => JSON.stringify(one)).join(" | ");
  const several = type.oneOf ?? type.anyOf;
  if (several !== undefined) return union(several, indent);
  if (Array.isArray(type.type)) return union(type.type.map((one) => ({ ...type, type: one })), indent);
  switch (type.type) {
    case "string":
      return "string";
    case "boolean":
      return "boolean";
    case "integer":
    case "number":
      return "number";
    case "array":
      return `readonly ${grouped(text(type.items, indent))}[]`;
    case "object":
      return object(type, indent);
    default:
      throw new Error(`the schema has a type that no rule is for: ${JSON.stringify(type)}`);
  }
}

function grouped(type) {
  return type.includes(" | ") ? `(${type})` : type;
}

/** What can be null in a file is left out of an object. */
function union(types, indent) {
  return types.filter((one) => one.type !== "null").map((one) => text(one, indent)).join(" | ");
}

function object(type, indent) {
  const inner = `${indent}  `;
  const required = new Set(type.required ?? []);
  const members = Object.entries(type.properties ?? {}).map(([name, member]) => {
    const mark = required.has(name) ? "" : "?";
    const value = text(member, inner);
    return `${comment(member.description, inner)}${inner}readonly ${name}${mark}: ${value}${mark && " | undefined"};\n`;
  });
  const others = type.additionalProperties;
  if (members.length === 0) {
    return others === false || others === undefined ? "Record<string, never>" : `Readonly<Record<string, ${text(others, indent)}>>`;
  }
  return `{\n${members.join("")}${indent}}`;
}

function comment(description, indent) {
  if (description === undefined) return "";
  const lines = description.replaceAll("*/", "*\\/").split("\n");
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join("\n")}\n${indent} */\n`;
}
