//! Is the JSON Schema of platform files the one that the code has, and does it know right from wrong?
//!
//! `docs/platform.schema.json` is for editors and for `hallpass platform check`: `cargo xtask schema` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use hallpass_core::document::{Node, Value as Written, toml};
use hallpass_core::platform::Platform;
use jsonschema::Validator;
use serde_json::{Value, json};

#[test]
fn the_schema_file_is_what_the_code_says() {
    let expected = format!("{:#}\n", Platform::schema().to_value());
    if std::env::var_os("HALLPASS_WRITE_SCHEMA").is_some() {
        fs::write(file(), &expected).expect("the schema can be written");
    }
    let found = fs::read_to_string(file()).expect("docs/platform.schema.json");
    assert_eq!(found, expected, "the schema is stale: `cargo xtask schema`");
}

#[test]
fn every_example_platform_fits_the_schema_and_is_read() {
    let schema = schema();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/platforms");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let (value, read) = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => (from_toml(&text), Platform::from_toml(&text)),
            Some("json") => (serde_json::from_str(&text).unwrap(), Platform::from_json(&text)),
            _ => continue,
        };
        let wrong: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(wrong, [""; 0], "{}", path.display());
        read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        seen += 1;
    }
    assert!(seen >= 6, "{seen} examples were found");
}

#[test]
fn what_the_reader_refuses_for_its_form_the_schema_refuses_too() {
    let schema = schema();
    let base = "id = \"x\"\nbase_url = \"https://a.example\"\n";
    for wrong in [
        "[sign_in.bearer]\n[retry]\natempts = 3",
        "[sign_in.bearer]\n[retry]\nattempts = \"three\"",
        "[sign_in.bearer]\n[retry]\nbase = 250",
        "[sign_in.bearer]\n[retry]\nbase = \"250\"",
        "[sign_in.bearer]\n[retry]\nbase = \"1.5s\"",
        "[sign_in.baerer]",
        "[sign_in.bearer]\nextra = 1",
        "[sign_in.bearer]\n[sign_in.oauth2_refresh]",
        "[sign_in.json]\nfields = {}",
        "[sign_in.json]\npath = \"/login\"",
        "[sign_in.json]\npath = \"/login\"\nfields = { a = 1 }",
        "[sign_in.json]\npath = \"/login\"\nfields = {}\ncsrf = { path = \"/\", from = { cokie = \"a\" }, to = { field = \"b\" } }",
        "[sign_in.bearer]\n[renew]\ntoken_url = \"/t\"\nclient_auth = \"maybe\"",
        "[sign_in.bearer]\n[renew]\nrotate = true",
        "[sign_in.bearer]\n[refused]\nstatus = 401",
        "[sign_in.bearer]\n[refused]\nstatus = [70000]",
        "[sign_in.bearer]\n[refused]\nbodies = [{ status = [200], pointer = \"/e\" }]",
        "[sign_in.bearer]\n[timeouts]\ntotal = \"60 s\"",
        "[sign_in.bearer]\n[credential]\nlifetime = -1",
        "",
    ] {
        let text = format!("{base}{wrong}\n");
        assert!(Platform::from_toml(&text).is_err(), "{text}");
        assert!(!schema.is_valid(&from_toml(&text)), "{text}");
    }
    assert!(!schema.is_valid(&json!({ "id": "x", "sign_in": { "bearer": {} } })), "no base_url");
    assert!(schema.is_valid(&from_toml(&format!("{base}[sign_in.bearer]\n"))));
}

#[test]
fn every_key_is_described() {
    fn walk(at: &str, value: &Value, undescribed: &mut Vec<String>) {
        if let Some(properties) = value["properties"].as_object() {
            // The keys of a choice stand where the choices are described.
            for (name, property) in properties {
                let of_a_choice = value.get("description").is_some() && properties.len() == 1;
                if property.get("description").is_none() && !of_a_choice {
                    undescribed.push(format!("{at}.{name}"));
                }
            }
        }
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| walk(&format!("{at}.{name}"), value, undescribed));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(at, item, undescribed)),
            _ => {}
        }
    }
    let mut undescribed = Vec::new();
    walk("", Platform::schema().as_value(), &mut undescribed);
    assert_eq!(undescribed, [""; 0]);
    let text = Platform::schema().to_value().to_string();
    assert!(!text.contains("super::") && !text.contains("crate::"), "{text}");
}

fn schema() -> Validator {
    jsonschema::validator_for(Platform::schema().as_value()).unwrap()
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/platform.schema.json")
}

fn from_toml(text: &str) -> Value {
    value(&toml::read(text).unwrap())
}

fn value(node: &Node) -> Value {
    match &node.value {
        Written::Null => Value::Null,
        Written::Bool(truth) => (*truth).into(),
        Written::Number(text) => serde_json::from_str(text).unwrap(),
        Written::String(text) => text.as_str().into(),
        Written::Array(items) => items.iter().map(value).collect(),
        Written::Object(members) => members.iter().map(|(key, node)| (key.name.clone(), value(node))).collect(),
    }
}
