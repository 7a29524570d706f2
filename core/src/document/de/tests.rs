//! What a mistyped document is told.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::document::json;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct House {
    name: String,
    #[serde(default)]
    floors: Option<u16>,
    #[serde(default)]
    rooms: Vec<Room>,
    #[serde(default)]
    words: BTreeMap<String, String>,
    #[serde(default)]
    door: Option<Door>,
    #[serde(default)]
    colour: Colour,
    #[serde(default)]
    height: f64,
    #[serde(default)]
    open: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Room {
    area: i32,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Door {
    Wooden { key: String },
    Glass(u8),
    Pair(u8, u8),
    Shut {},
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Colour {
    #[default]
    Red,
    Green,
}

fn house(json: &str) -> Result<House, Error> {
    from_node(&json::read(json.as_bytes()).expect("valid JSON"))
}

#[test]
fn a_document_becomes_the_type_it_describes() {
    let read = house(
        r#"{"name": "n", "floors": 3, "rooms": [{"area": -4}, {"area": 5}], "words": {"a": "b"},
            "door": {"wooden": {"key": "k"}}, "colour": "green", "height": 2.5, "open": true}"#,
    );
    let expected = House {
        name: "n".to_owned(),
        floors: Some(3),
        rooms: vec![Room { area: -4 }, Room { area: 5 }],
        words: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        door: Some(Door::Wooden { key: "k".to_owned() }),
        colour: Colour::Green,
        height: 2.5,
        open: true,
    };
    assert_eq!(read, Ok(expected));
    let door =
        |text: &str| house(&format!(r#"{{"name": "n", "floors": null, "door": {text}}}"#)).map(|house| house.door);
    assert_eq!(door(r#"{"glass": 2}"#), Ok(Some(Door::Glass(2))));
    assert_eq!(door(r#"{"pair": [1, 2]}"#), Ok(Some(Door::Pair(1, 2))));
    assert_eq!(door(r#"{"shut": {}}"#), Ok(Some(Door::Shut {})));
    assert_eq!(door("null"), Ok(None));
}

#[test]
fn every_mistake_is_told_with_its_line_its_key_and_what_could_stand_there() {
    for (text, message) in [
        (
            "{\n\n\"nmae\": \"x\"}",
            "line 3: unknown key `nmae`; did you mean `name`? (keys here: name, floors, rooms, words, door, colour, height, open)",
        ),
        (
            "{\"name\": \"x\",\n\"zzz.y\": 1}",
            "line 2: unknown key `\"zzz.y\"` (keys here: name, floors, rooms, words, door, colour, height, open)",
        ),
        ("\n{}", "line 2: missing key `name`"),
        ("[]", "line 1: the document must be a table, not a list"),
        ("{\"name\":\n1}", "line 2: `name` must be a string, not a number"),
        ("{\"name\": null}", "line 1: `name` must be a string, not null"),
        ("{\"name\": \"x\", \"floors\": 70000}", "line 1: `floors` must be a whole number from 0 to 65535"),
        (
            "{\"name\": \"x\", \"floors\": \"3\"}",
            "line 1: `floors` must be a whole number from 0 to 65535, not a string",
        ),
        ("{\"name\": \"x\", \"height\": []}", "line 1: `height` must be a number, not a list"),
        ("{\"name\": \"x\", \"open\": 1}", "line 1: `open` must be true or false, not a number"),
        ("{\"name\": \"x\", \"rooms\": {}}", "line 1: `rooms` must be a list, not a table"),
        (
            "{\"name\": \"x\", \"rooms\": [{\"area\": 1},\n{\"aria\": 2}]}",
            "line 2: unknown key `rooms[1].aria`; did you mean `area`? (keys here: area)",
        ),
        ("{\"name\": \"x\", \"rooms\": [\n{}]}", "line 2: missing key `rooms[0].area`"),
        ("{\"name\": \"x\", \"rooms\": [\n2]}", "line 2: `rooms[0]` must be a table, not a number"),
        ("{\"name\": \"x\", \"words\": {\"a b\": 1}}", "line 1: `words.\"a b\"` must be a string, not a number"),
        (
            "{\"name\": \"x\", \"door\": {\n\"woden\": {}}}",
            "line 2: unknown key `door.woden`; did you mean `wooden`? (keys here: wooden, glass, pair, shut)",
        ),
        (
            "{\"name\": \"x\", \"door\": {\"wooden\": {\n\"key\": 1}}}",
            "line 2: `door.wooden.key` must be a string, not a number",
        ),
        (
            "{\"name\": \"x\", \"door\": {}}",
            "line 1: `door` must hold exactly one of these keys: wooden, glass, pair, shut",
        ),
        (
            "{\"name\": \"x\", \"door\": {\"shut\": {}, \"glass\": 1}}",
            "line 1: `door` must hold exactly one of these keys: wooden, glass, pair, shut",
        ),
        ("{\"name\": \"x\", \"door\": \"shut\"}", "line 1: `door` must be a table with the key `shut`, not a string"),
        ("{\"name\": \"x\", \"door\": 1}", "line 1: `door` must be one of wooden, glass, pair, shut, not a number"),
        (
            "{\"name\": \"x\", \"colour\": \"gren\"}",
            "line 1: `colour` cannot be `gren`; did you mean `green`? (values here: red, green)",
        ),
        ("{\"name\": \"x\", \"colour\": {\"red\": {}}}", "line 1: `colour` must be the string `red`, not a table"),
    ] {
        assert_eq!(house(text).expect_err(text).to_string(), message);
    }
}

#[test]
fn a_number_out_of_range_or_broken_is_called_so() {
    for text in ["-1", "1.5", "1e2", "99999999999999999999999"] {
        let error = house(&format!("{{\"name\": \"x\", \"floors\": {text}}}")).expect_err(text);
        assert_eq!((error.line(), error.path()), (1, "floors"));
    }
}
