//! The functions that every expression and hook has beside Rhai's own: bytes and text, checksums, JSON,
//! what prepares a value for a command line. Each is short and takes any value; what it cannot take it says.

#![expect(clippy::unnecessary_box_returns, reason = "Rhai's functions return their errors boxed")]

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc::{CRC_16_MODBUS, CRC_32_ISO_HDLC, Crc};
use rhai::packages::{
    BasicArrayPackage, BasicMapPackage, BasicMathPackage, CorePackage, LogicPackage, MoreStringPackage,
    Package,
};
use rhai::{Dynamic, EvalAltResult, FuncRegistration, ImmutableString, Module, Position};

use super::fields::fields;
use super::json::{parse_json, to_json};
use super::limits::{MAX_LIST, MAX_TEXT_BYTES, pay};
use super::numbers;
use super::value::{Bytes, How, Prepared, Value, as_bytes, as_prepared, display, kind_of};

/// Of what a function was given, an error shows this many characters.
const SHOWN_CHARACTERS: usize = 40;

/// What a script function returns.
pub(super) type Answer<T> = Result<T, Box<EvalAltResult>>;

/// A message of ours as Rhai carries it. A script that catches it sees the text.
pub(super) fn fault(message: impl Into<String>) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(message.into()), Position::NONE))
}

fn answer<T>(result: Result<T, String>) -> Answer<T> {
    result.map_err(fault)
}

fn wants(name: &str, what: &str, value: &Value) -> Box<EvalAltResult> {
    let shown = display(value);
    match kind_of(value) {
        "()" => fault(format!("`{name}` takes {what}, not `()`")),
        kind if shown.chars().count() > SHOWN_CHARACTERS => {
            fault(format!("`{name}` takes {what}, not a {kind}"))
        }
        kind => fault(format!("`{name}` takes {what}, not {kind} `{shown}`")),
    }
}

macro_rules! functions {
    ($module:ident: $($name:literal => $function:expr;)+) => {
        $(FuncRegistration::new($name).in_global_namespace().set_into_module(&mut $module, $function);)+
    };
}

/// The functions that need nothing but their arguments, as one module to be shared by all engines of a thread.
pub(super) fn pure_module() -> Module {
    let mut module = Module::new();
    module.set_custom_type::<Bytes>("bytes");
    module.set_custom_type::<Prepared>("prepared");
    functions! { module:
        "size" => |value: Value| size(&value);
        "text" => |value: Value| text(&value);
        "plain" => |value: Value| plain(&value);
        "bytes" => |value: Value| bytes(&value);
        // Rhai's own `bytes` of a text is a number.
        "bytes" => |text: ImmutableString| {
            pay(text.len());
            Bytes::from(text.as_bytes().to_vec())
        };
        "hex" => |value: Value| -> Answer<String> {
            use std::fmt::Write as _;
            let bytes = sized("hex", &value, 2)?;
            Ok(bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
                // Writing to a `String` cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            }))
        };
        "unhex" => |text: ImmutableString| {
            pay(text.len());
            answer(unhex(&text)).map(Bytes::from)
        };
        "base64" => |value: Value| -> Answer<String> { Ok(BASE64.encode(&*sized("base64", &value, 2)?)) };
        "unbase64" => |text: ImmutableString| {
            pay(text.len());
            answer(BASE64.decode(text.as_bytes()).map_err(|error| {
                format!("`{}` is not base64: {}", beginning(&text), error.to_string().to_lowercase().trim_end_matches('.'))
            }))
            .map(Bytes::from)
        };
        "crc16" => |value: Value| -> Answer<i64> {
            Ok(i64::from(Crc::<u16>::new(&CRC_16_MODBUS).checksum(&looked_through("crc16", &value)?)))
        };
        "crc32" => |value: Value| -> Answer<i64> {
            Ok(i64::from(Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&looked_through("crc32", &value)?)))
        };
        "chunks" => |value: Value, size: i64| chunks(&value, size);
        "raw" => |value: Value| raw(&value);
        "json" => |value: Value| json(&value);
        "to_json" => |value: Value| json(&value);
        "to_json" => |map: &mut rhai::Map| json(&Value::from_map(map.clone()));
        "parse_json" => |text: ImmutableString| {
            pay(text.len());
            parse_json(&text).map_err(|error| fault(error.to_string()))
        };
        "fields" => |text: ImmutableString| {
            pay(text.len());
            answer(fields(&text).map_err(|error| format!("`fields`: {error}")))
        };
        "min" => |list: &mut rhai::Array| answer(numbers::min(list));
        "min" => |a: Value, b: Value| answer(numbers::min(&numbers::pair(a, b)));
        "max" => |list: &mut rhai::Array| answer(numbers::max(list));
        "max" => |a: Value, b: Value| answer(numbers::max(&numbers::pair(a, b)));
        "mean" => |list: &mut rhai::Array| answer(numbers::mean(list));
        "round" => |value: Value| answer(numbers::round(&value, 0));
        "round" => |value: Value, digits: i64| answer(numbers::round(&value, digits));
        "dbm" => |rssi: Value| answer(numbers::dbm(&rssi));
        // Of a map it is Rhai's own; nothing else has a field.
        "get" => |_value: Value, _name: ImmutableString| Value::UNIT;
        "sms_time" => |stamp: ImmutableString| answer(numbers::sms_time(&stamp));
        "len" => |bytes: &mut Bytes| length(bytes.len());
        "is_empty" => |bytes: &mut Bytes| bytes.is_empty();
        "==" => |a: &mut Bytes, b: Bytes| *a == b;
        "!=" => |a: &mut Bytes, b: Bytes| *a != b;
        "to_string" => |bytes: &mut Bytes| bytes.to_string();
        "to_debug" => |bytes: &mut Bytes| format!("bytes {:?}", bytes.to_string());
        "to_string" => |prepared: &mut Prepared| prepared.text.clone();
        "to_debug" => |prepared: &mut Prepared| format!("prepared {:?}", prepared.text);
    }
    let changing = |name| FuncRegistration::new(name).in_global_namespace().with_purity(false);
    changing("replace").set_into_module(
        &mut module,
        |text: &mut ImmutableString, find: ImmutableString, instead: ImmutableString| {
            replace(text, &find, &instead)
        },
    );
    changing("replace").set_into_module(
        &mut module,
        |text: &mut ImmutableString, find: char, instead: ImmutableString| {
            replace(text, find.encode_utf8(&mut [0; 4]), &instead)
        },
    );
    FuncRegistration::new_index_getter().in_global_namespace().set_into_module(&mut module, byte_at);
    module.build_index();
    module
}

/// `escape(value)` by the dialect's table.
pub(super) fn escape(value: &Value, escapes: &[(char, String)]) -> Answer<Prepared> {
    let plain = line_text("escape", value)?;
    let mut text = String::with_capacity(plain.len());
    for character in plain.chars() {
        match escapes.iter().find(|(escaped, _)| *escaped == character) {
            Some((_, instead)) => text.push_str(instead),
            None => text.push(character),
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(too_long("escape"));
        }
    }
    Ok(Prepared { text, how: How::Escaped })
}

fn raw(value: &Value) -> Answer<Prepared> {
    line_text("raw", value).map(|text| Prepared { text, how: How::Raw })
}

/// A value as a command line shows it (true is 1, false is 0).
fn line_text(name: &str, value: &Value) -> Answer<String> {
    if let Some(prepared) = as_prepared(value) {
        let before = if prepared.how == How::Raw { "raw" } else { "escape" };
        return Err(fault(format!("`{name}` was given what `{before}(…)` has prepared already")));
    }
    if let Ok(bool) = value.as_bool() {
        return Ok(if bool { "1" } else { "0" }.to_owned());
    }
    if value.is_string() || value.is_int() || value.is_float() || value.is_char() {
        let text = display(value);
        pay(text.len());
        return Ok(text);
    }
    Err(wants(name, "text, a number or a bool", value))
}

/// The bytes that a value is sent as: UTF-8 of text, bytes as they are, prepared text as it is.
fn content(name: &str, value: &Value) -> Answer<Bytes> {
    if let Some(bytes) = as_bytes(value) {
        return Ok(bytes);
    }
    if let Some(prepared) = as_prepared(value) {
        return Ok(Bytes::from(prepared.text.into_bytes()));
    }
    match value.read_lock::<ImmutableString>() {
        Some(text) => Ok(Bytes::from(text.as_bytes().to_vec())),
        None => Err(wants(name, "text or bytes", value)),
    }
}

/// The same, paid for: all of it will be looked through.
fn looked_through(name: &str, value: &Value) -> Answer<Bytes> {
    let bytes = content(name, value)?;
    pay(bytes.len());
    Ok(bytes)
}

/// The same, unless a text of `times` the size would be too long.
fn sized(name: &str, value: &Value, times: usize) -> Answer<Bytes> {
    let bytes = looked_through(name, value)?;
    if bytes.len().saturating_mul(times) > MAX_TEXT_BYTES { Err(too_long(name)) } else { Ok(bytes) }
}

fn too_long(name: &str) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorDataTooLarge(format!("the text that `{name}` makes"), Position::NONE))
}

fn length(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

fn size(value: &Value) -> Answer<i64> {
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(length(text.len()));
    }
    if value.is_int() || value.is_float() {
        return Ok(length(display(value).len()));
    }
    content("size", value).map(|bytes| length(bytes.len()))
}

fn text(value: &Value) -> Answer<ImmutableString> {
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(text.clone());
    }
    if value.is_int() || value.is_float() || value.is_bool() || value.is_char() {
        return Ok(display(value).into());
    }
    let bytes = looked_through("text", value)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.len() > MAX_TEXT_BYTES => Err(too_long("text")),
        Ok(text) => Ok(text.into()),
        Err(error) => Err(fault(format!(
            "`text`: these bytes are not UTF-8, byte {} is 0x{:02X}",
            error.valid_up_to(),
            bytes.get(error.valid_up_to()).copied().unwrap_or_default()
        ))),
    }
}

/// Whether it can stand in a command line once line ends are escaped: text or bytes of ASCII without other
/// control characters.
fn plain(value: &Value) -> bool {
    content("plain", value)
        .is_ok_and(|bytes| bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n')))
}

fn bytes(value: &Value) -> Answer<Bytes> {
    let Some(list) = value.read_lock::<rhai::Array>() else {
        return content("bytes", value);
    };
    let byte = |item: &Value| {
        item.as_int()
            .ok()
            .and_then(|int| u8::try_from(int).ok())
            .ok_or_else(|| wants("bytes", "ints from 0 to 255", item))
    };
    list.iter().map(byte).collect::<Result<Vec<u8>, _>>().map(Bytes::from)
}

fn byte_at(bytes: &mut Bytes, index: i64) -> Answer<i64> {
    let from_the_end = |index: i64| length(bytes.len()).checked_add(index);
    let at = if index < 0 { from_the_end(index) } else { Some(index) };
    at.and_then(|at| usize::try_from(at).ok())
        .and_then(|at| bytes.get(at))
        .map(|byte| i64::from(*byte))
        .ok_or_else(|| fault(format!("there is no byte {index}, there are {}", bytes.len())))
}

/// As much of a text as an error shows of it.
pub(super) fn beginning(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    if !text.len().is_multiple_of(2) {
        let shown = beginning(text);
        return Err(format!("`{shown}` is not hex: {} digits, which is odd", text.chars().count()));
    }
    if let Some(wrong) = text.chars().find(|character| !character.is_ascii_hexdigit()) {
        return Err(format!("`{}` is not hex: `{wrong}` is no hex digit", beginning(text)));
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map_or(0, |digit| digit.to_le_bytes()[0]);
    Ok(text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect())
}

/// Pieces of `size` bytes, the last one shorter. A text is cut between characters.
fn chunks(value: &Value, size: i64) -> Answer<rhai::Array> {
    let Some(size) = usize::try_from(size).ok().filter(|size| *size > 0) else {
        return Err(fault(format!("`chunks` takes a size of at least 1, not {size}")));
    };
    let list: rhai::Array = if let Some(text) = value.read_lock::<ImmutableString>() {
        pay(text.len());
        pieces(&text, size)?
    } else {
        looked_through("chunks", value)?.chunks(size).take(MAX_LIST + 1).map(Bytes::value).collect()
    };
    if list.len() > MAX_LIST {
        return Err(Box::new(EvalAltResult::ErrorDataTooLarge(
            "the list that `chunks` makes".to_owned(),
            Position::NONE,
        )));
    }
    Ok(list)
}

fn pieces(text: &str, size: usize) -> Answer<rhai::Array> {
    let mut list = rhai::Array::new();
    let mut rest = text;
    while !rest.is_empty() && list.len() <= MAX_LIST {
        let cut = rest.floor_char_boundary(size);
        if cut == 0 {
            return Err(fault(format!("`chunks`: one character of this text needs more than {size} bytes")));
        }
        let (piece, behind) = rest.split_at(cut);
        list.push(Value::from(piece.to_owned()));
        rest = behind;
    }
    Ok(list)
}

fn json(value: &Value) -> Answer<String> {
    let json = to_json(value).map_err(|error| fault(error.to_string()))?.to_string();
    pay(json.len());
    Ok(json)
}

/// Rhai's own `replace` builds the whole result before its length is looked at: 64 KiB of one letter, each
/// replaced by 64 KiB, are 4 GiB.
fn replace(text: &mut ImmutableString, find: &str, instead: &str) -> Answer<()> {
    if find.is_empty() {
        return Err(fault("`replace` cannot look for an empty text"));
    }
    pay(text.len());
    let times = text.matches(find).count();
    let after = text.len() - times * find.len() + times.saturating_mul(instead.len());
    if after > MAX_TEXT_BYTES {
        return Err(too_long("replace"));
    }
    *text = text.replace(find, instead).into();
    Ok(())
}

rhai::def_package! {
    /// Of Rhai's own functions all but those on blobs and single bits; [`Bytes`] has its own.
    Rhais(_module): CorePackage, LogicPackage, BasicMathPackage, BasicArrayPackage, BasicMapPackage, MoreStringPackage {
    }
}

/// The functions of one thread, made once and shared by its engines.
pub(super) fn shared_modules() -> [Rc<Module>; 2] {
    thread_local! {
        static MODULES: [Rc<Module>; 2] = [Rc::new(pure_module()), Rhais::new().as_shared_module()];
    }
    MODULES.with(Clone::clone)
}
