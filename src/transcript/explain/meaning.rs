//! Single lines and what they mean.

use crate::at::codes;
use crate::at::dialect::Dialect;
use crate::at::sorter::{Class, Message};

/// A message from the broker.
pub(super) fn message(message: &Message) -> String {
    format!("a message on `{}`, {} bytes", message.topic, message.payload.len())
}

/// What a line means. `asked` is the command that it answers, empty if it came by itself.
pub(super) fn line(text: &str, class: Class, asked: &str, dialect: &Dialect) -> Option<String> {
    result(text, dialect).or_else(|| standard(text, asked)).or_else(|| by_class(class).map(str::to_owned))
}

/// What the dialect alone says of it.
fn by_class(class: Class) -> Option<&'static str> {
    Some(match class {
        Class::Echo => "the echo of the command",
        Class::Prompt => "the module asks for data",
        Class::Await => "the late result",
        Class::Fail => "decides that the command failed",
        Class::Final => "the final result",
        Class::Closed => "the session, or what carries it, is gone",
        Class::Reboot => "the module restarted",
        Class::Notice => "a message waits inside the module",
        Class::Noise => "no line: too long, or left of a damaged frame",
        _ => return None,
    })
}

/// Result codes (ITU-T V.250, table 1) and error numbers.
fn result(text: &str, dialect: &Dialect) -> Option<String> {
    let plain = match text {
        "OK" => "done, or begun",
        "ERROR" => "refused: unknown command, wrong arguments, or not now",
        "CONNECT" => "connected: data follows",
        "RING" => "somebody calls",
        "NO CARRIER" => "the connection is gone, or never was",
        "NO DIALTONE" | "NO DIAL TONE" => "no dial tone",
        "BUSY" => "the other side is engaged",
        "NO ANSWER" => "the other side does not answer",
        _ => {
            return dialect.results.error.iter().find_map(|pattern| {
                let family = pattern.error_family()?;
                let number = pattern.match_line(text.as_bytes(), &[])?.int(family)?;
                codes::meaning(dialect, family, number).map(str::to_owned)
            });
        }
    };
    Some(plain.to_owned())
}

/// Information lines and URCs of 3GPP TS 27.007.
fn standard(text: &str, asked: &str) -> Option<String> {
    let (name, rest) = text.split_once(':')?;
    if asked.ends_with("=?") {
        // What a test command answers is not a state but the states there are.
        return None;
    }
    let fields: Vec<&str> = rest.split(',').map(str::trim).collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u32>().ok());
    match name {
        "+CSQ" => signal(number(0)?, number(1)?),
        "+CREG" | "+CGREG" | "+CEREG" => registration(&fields, reads(asked, name)),
        "+CPIN" => pin(rest.trim()).map(str::to_owned),
        "+COPS" => operator(number(0)?, fields.get(2).copied(), number(3)),
        "+CGATT" => Some(match number(0)? {
            0 => "no packet service".to_owned(),
            1 => "attached: there is packet service".to_owned(),
            _ => return None,
        }),
        _ => None,
    }
}

/// Whether a command line, or one of those joined in it by `;`, asks for the value of `name`.
fn reads(line: &str, name: &str) -> bool {
    let line = line.to_ascii_uppercase();
    let body = line.strip_prefix("AT").unwrap_or(&line);
    body.split(';').any(|part| part.trim().strip_suffix('?').is_some_and(|part| part.ends_with(name)))
}

/// Clause 8.5.
fn signal(rssi: u32, ber: u32) -> Option<String> {
    let strength = match rssi {
        0 => "signal -113 dBm or less".to_owned(),
        1..=30 => format!("signal {} dBm", i64::from(rssi) * 2 - 113),
        31 => "signal -51 dBm or more".to_owned(),
        99 => "signal not known".to_owned(),
        _ => return None,
    };
    let quality = match ber {
        0..=7 => format!("bit errors of class {ber} of 0 to 7"),
        99 => "bit errors not known".to_owned(),
        _ => return Some(strength),
    };
    Some(format!("{strength}, {quality}"))
}

/// Clauses 7.2, 10.1.20 and 10.1.22. The answer to a read command begins with what URCs were asked for; a
/// URC does not.
fn registration(fields: &[&str], reads: bool) -> Option<String> {
    // What comes unasked meanwhile has the area, a text, in the second place.
    let answers = reads && !fields.get(1).is_some_and(|field| field.starts_with('"'));
    let fields = if answers { fields.get(1..)? } else { fields };
    let state = match fields.first()?.parse::<u32>().ok()? {
        0 => "not registered, and not searching",
        1 => "registered, home network",
        2 => "not registered, searching",
        3 => "registration denied",
        4 => "not known: perhaps out of coverage",
        5 => "registered, roaming",
        6 => "registered for SMS only, home network",
        7 => "registered for SMS only, roaming",
        8 => "emergency calls only",
        9 => "registered, CS fallback not preferred, home network",
        10 => "registered, CS fallback not preferred, roaming",
        _ => return None,
    };
    let technology = fields.get(3).and_then(|field| field.parse().ok()).and_then(technology);
    Some(technology.map_or(state.to_owned(), |technology| format!("{state}, {technology}")))
}

/// Clause 8.3.
fn pin(state: &str) -> Option<&'static str> {
    // Luat adds the number of the slot when it says so by itself.
    Some(match state.trim_end_matches([' ', '0', '1']) {
        "READY" => "the SIM is ready",
        "SIM PIN" => "the SIM wants its PIN",
        "SIM PUK" => "the SIM is blocked and wants its PUK",
        "SIM PIN2" => "the SIM wants its PIN2",
        "SIM PUK2" => "the SIM wants its PUK2",
        "PH-SIM PIN" => "the module is locked to another SIM",
        "PH-NET PIN" => "the module is locked to a network",
        "NOT INSERTED" | "NOT READY" | "SIM REMOVED" => "there is no SIM",
        _ => return None,
    })
}

/// Clause 7.3.
fn operator(mode: u32, name: Option<&str>, technology_number: Option<u32>) -> Option<String> {
    let mode = match mode {
        0 => "chosen by itself",
        1 => "chosen by hand",
        2 => "told to leave the network",
        3 => "only the format was set",
        4 => "chosen by hand, else by itself",
        _ => return None,
    };
    let Some(name) = name else { return Some(format!("no operator; {mode}")) };
    let technology = technology_number.and_then(technology).map(|name| format!(", {name}"));
    Some(format!("operator {name}{}; {mode}", technology.unwrap_or_default()))
}

/// `<AcT>`, clause 7.3.
fn technology(number: u32) -> Option<&'static str> {
    const NAMES: [&str; 14] = [
        "GSM",
        "GSM Compact",
        "UTRAN (3G)",
        "GSM with EGPRS",
        "UTRAN with HSDPA",
        "UTRAN with HSUPA",
        "UTRAN with HSDPA and HSUPA",
        "LTE",
        "EC-GSM-IoT",
        "NB-IoT",
        "LTE on a 5G core",
        "5G",
        "5G radio access network",
        "LTE and 5G together",
    ];
    NAMES.get(usize::try_from(number).ok()?).copied()
}
