//! Commands that a handler sends only for a method with `allow: dangerous`: what the standards (V.250, 3GPP
//! TS 27.005 and 27.007) and many vendors have in common. A dialect adds its own by `restarts` and `once`.

/// Names without their first sign, and what these commands may do. Their read and test forms only ask.
const NAMES: [(&str, &[&str]); 7] = [
    ("may restart the module or turn it off", &["CFUN", "CPOF", "QRST", "RST", "SMSO", "TRB"]),
    ("may put the module to sleep", &["CEDRXS", "CPSMS", "CSCLK", "GSLP", "SLEEP", "SLEEPWKCFG"]),
    (
        "may lock the SIM or write to it",
        &["CCHO", "CGLA", "CLCK", "CPIN", "CPIN2", "CPWD", "CRSM", "CSIM", "EPIN"],
    ),
    (
        "may take the module off the network",
        &["CGACT", "CGATT", "CGAUTH", "CGDCONT", "CGDEL", "COPS", "CPLS", "CPOL", "CWJAP", "CWMODE", "CWQAP"],
    ),
    (
        "may cost money",
        &["CCFC", "CCFCU", "CCWA", "CHLD", "CMGC", "CMGS", "CMMS", "CMSS", "CTFR", "CUSD", "VTS"],
    ),
    (
        "erases or overwrites what the module keeps",
        &["CIUPDATE", "CMAR", "CMGD", "CPBW", "CRES", "CSAS", "RSTSET", "SYSSTORE"],
    ),
    (
        "changes how the module talks, so that it may no longer be understood",
        &[
            "CGDATA",
            "CIPMODE",
            "CMEE",
            "CMUX",
            "CRC",
            "ICF",
            "IFC",
            "ILRR",
            "IPR",
            "IPREX",
            "SAVETRANSLINK",
            "UART",
            "UART_CUR",
            "UART_DEF",
        ],
    ),
];

/// Parts of names. Every vendor has such commands, under names of its own.
const PARTS: [(&str, &[&str]); 2] = [
    (
        "may restart the module or turn it off",
        &["POWD", "POWEROFF", "PWRDN", "PWROFF", "REBOOT", "RESET", "SHDN", "SHUTDOWN"],
    ),
    (
        "erases or overwrites what the module keeps",
        &["ERASE", "FACTORY", "FLASH", "FORMAT", "FOTA", "FWINST", "PRTPARA", "RESTORE", "UPGRADE"],
    ),
];

/// Basic commands that change nothing of consequence: identification, hanging up, the loudspeaker, a look
/// at the settings.
const HARMLESS_BASIC: [&str; 5] = ["I", "H", "L", "M", "&V"];

/// What the command `name`, in upper case and without its first sign, may do, if it is dangerous.
pub(super) fn extended(name: &str) -> Option<&'static str> {
    let exactly = NAMES.iter().find(|(_, names)| names.contains(&name));
    let partly = || PARTS.iter().find(|(_, parts)| parts.iter().any(|part| name.contains(part)));
    exactly.or_else(partly).map(|(what, _)| *what)
}

/// The same of a basic command, such as `E` or `&C`.
pub(super) fn basic(name: &str) -> Option<&'static str> {
    match name {
        "A" => Some("may cost money"),
        name if HARMLESS_BASIC.contains(&name) => None,
        _ => Some("changes how the module talks, so that it may no longer be understood"),
    }
}
