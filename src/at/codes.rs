//! Names of the error numbers that 3GPP gave a meaning. Modules add their own; a dialect's come first.

use super::dialect::Dialect;

/// What `number` of `family` means: as the dialect says, else as 3GPP does.
pub fn meaning<'d>(dialect: &'d Dialect, family: &str, number: i64) -> Option<&'d str> {
    let own = dialect.errors.get(family).and_then(|numbers| numbers.get(&number));
    own.map(String::as_str).or_else(|| standard(family, number))
}

/// What `number` of `family` (`cme` or `cms`) means to 3GPP.
pub fn standard(family: &str, number: i64) -> Option<&'static str> {
    let table = match family {
        "cme" => CME,
        "cms" => CMS,
        _ => return None,
    };
    let number = u16::try_from(number).ok()?;
    table.binary_search_by_key(&number, |&(code, _)| code).ok().map(|index| table[index].1)
}

/// `+CME ERROR` (3GPP TS 27.007, 9.2). Sorted. Before release 11 some modules said 151 for what is 171 now.
const CME: &[(u16, &str)] = &[
    (0, "phone failure"),
    (1, "no connection to phone"),
    (2, "phone adaptor link reserved"),
    (3, "operation not allowed"),
    (4, "operation not supported"),
    (5, "PH-SIM PIN required"),
    (6, "PH-FSIM PIN required"),
    (7, "PH-FSIM PUK required"),
    (10, "SIM not inserted"),
    (11, "SIM PIN required"),
    (12, "SIM PUK required"),
    (13, "SIM failure"),
    (14, "SIM busy"),
    (15, "SIM wrong"),
    (16, "incorrect password"),
    (17, "SIM PIN2 required"),
    (18, "SIM PUK2 required"),
    (20, "memory full"),
    (21, "invalid index"),
    (22, "not found"),
    (23, "memory failure"),
    (24, "text string too long"),
    (25, "invalid characters in text string"),
    (26, "dial string too long"),
    (27, "invalid characters in dial string"),
    (30, "no network service"),
    (31, "network timeout"),
    (32, "network not allowed, emergency calls only"),
    (40, "network personalisation PIN required"),
    (41, "network personalisation PUK required"),
    (42, "network subset personalisation PIN required"),
    (43, "network subset personalisation PUK required"),
    (44, "service provider personalisation PIN required"),
    (45, "service provider personalisation PUK required"),
    (46, "corporate personalisation PIN required"),
    (47, "corporate personalisation PUK required"),
    (48, "hidden key required"),
    (49, "EAP method not supported"),
    (50, "incorrect parameters"),
    (51, "command implemented but currently disabled"),
    (52, "command aborted by user"),
    (53, "not attached to network due to restricted functionality"),
    (54, "modem not allowed, restricted to emergency calls"),
    (55, "operation not allowed because of restricted functionality"),
    (56, "only fixed dial numbers allowed"),
    (57, "temporarily out of service due to other usage"),
    (58, "language or alphabet not supported"),
    (59, "unexpected data value"),
    (60, "system failure"),
    (61, "data missing"),
    (62, "call barred"),
    (63, "message waiting indication subscription failure"),
    (100, "unknown"),
    (102, "IMSI unknown in HLR or HSS"),
    (103, "illegal MS"),
    (104, "IMSI unknown in VLR"),
    (105, "IMEI not accepted"),
    (106, "illegal ME"),
    (107, "GPRS services not allowed"),
    (108, "GPRS and non-GPRS services not allowed"),
    (109, "identity cannot be derived by the network"),
    (110, "implicitly detached"),
    (111, "PLMN not allowed"),
    (112, "location area not allowed"),
    (113, "roaming not allowed in this location area"),
    (114, "GPRS services not allowed in this PLMN"),
    (115, "no suitable cells in this area"),
    (116, "MSC temporarily not reachable"),
    (117, "network failure"),
    (118, "CS domain not available"),
    (119, "ESM failure"),
    (122, "congestion"),
    (124, "MBMS bearer capabilities insufficient for the service"),
    (125, "not authorized for this CSG"),
    (126, "insufficient resources"),
    (127, "missing or unknown APN"),
    (128, "unknown PDP address or type"),
    (129, "user authentication failed"),
    (130, "activation rejected by the gateway"),
    (131, "activation rejected, unspecified"),
    (132, "service option not supported"),
    (133, "requested service option not subscribed"),
    (134, "service option temporarily out of order"),
    (135, "NSAPI or PTI already in use"),
    (136, "regular deactivation"),
    (137, "QoS not accepted"),
    (138, "call cannot be identified"),
    (139, "CS service temporarily not available"),
    (140, "feature not supported"),
    (141, "semantic error in the TFT operation"),
    (142, "syntactical error in the TFT operation"),
    (143, "unknown PDP context"),
    (144, "semantic errors in packet filters"),
    (145, "syntactical errors in packet filters"),
    (146, "PDP context without TFT already activated"),
    (147, "multicast group membership time-out"),
    (148, "unspecified GPRS error"),
    (149, "PDP authentication failure"),
    (150, "invalid mobile class"),
    (151, "VBS/VGCS not supported by the network"),
    (152, "no service subscription on SIM"),
    (153, "no subscription for group ID"),
    (154, "group ID not activated on SIM"),
    (155, "no matching notification"),
    (156, "VBS/VGCS call already present"),
    (157, "congestion"),
    (158, "network failure"),
    (159, "uplink busy"),
    (160, "no access rights for SIM file"),
    (161, "no subscription for priority"),
    (162, "operation not applicable or not possible"),
    (163, "group ID prefixes not supported"),
    (164, "group ID prefixes not usable for VBS"),
    (165, "group ID prefix value invalid"),
    (171, "last PDN disconnection not allowed"),
    (172, "semantically incorrect message"),
    (173, "mandatory information element error"),
    (174, "information element non-existent or not implemented"),
    (175, "conditional IE error"),
    (176, "protocol error, unspecified"),
    (177, "operator determined barring"),
    (178, "maximum number of PDP contexts reached"),
    (179, "requested APN not supported in current RAT and PLMN combination"),
    (180, "request rejected, Bearer Control Mode violation"),
    (181, "unsupported QCI value"),
    (182, "user data transmission via control plane is congested"),
    (183, "SMS provided via GPRS in this routing area"),
    (184, "invalid PTI value"),
    (185, "no bearer activated"),
    (186, "message not compatible with protocol state"),
    (187, "recovery on timer expiry"),
    (188, "invalid transaction ID value"),
    (189, "service option not authorized in this PLMN"),
    (190, "network failure"),
    (191, "reactivation requested"),
    (192, "only IPv4 allowed"),
    (193, "only IPv6 allowed"),
    (194, "only single address bearers allowed"),
    (195, "collision with network initiated request"),
    (196, "only IPv4v6 allowed"),
    (197, "only non-IP allowed"),
    (198, "bearer handling not supported"),
    (199, "APN restriction incompatible with active contexts"),
    (200, "multiple accesses to a PDN connection not allowed"),
    (201, "ESM information not received"),
    (202, "PDN connection does not exist"),
    (203, "multiple PDN connections for a given APN not allowed"),
    (204, "severe network failure"),
    (205, "insufficient resources for this slice and DNN"),
    (206, "SSC mode not supported"),
    (207, "insufficient resources for this slice"),
    (208, "message type not compatible with protocol state"),
    (209, "information element not implemented"),
    (210, "N1 mode not allowed"),
    (211, "restricted service area"),
    (212, "LADN not available"),
    (213, "missing or unknown DNN in this slice"),
    (214, "ngKSI already in use"),
    (215, "payload was not forwarded"),
    (216, "non-3GPP access to 5GCN not allowed"),
    (217, "serving network not authorized"),
    (218, "DNN not supported in this slice"),
    (219, "insufficient user-plane resources for the PDU session"),
    (220, "out of LADN service area"),
    (221, "PTI mismatch"),
    (222, "maximum data rate for user-plane integrity protection is too low"),
    (223, "semantic error in the QoS operation"),
    (224, "syntactical error in the QoS operation"),
    (225, "invalid mapped EPS bearer identity"),
    (226, "redirection to 5GCN required"),
    (227, "redirection to EPC required"),
    (228, "temporarily not authorized for this SNPN"),
    (229, "permanently not authorized for this SNPN"),
    (230, "only Ethernet allowed"),
    (231, "not authorized for this CAG"),
    (232, "no network slices available"),
    (233, "wireline access area not allowed"),
];

/// `+CMS ERROR` (3GPP TS 27.005, 3.2.5; below 128 from TS 24.011, annex E-2; 128 to 255 from TS 23.040,
/// 9.2.3.22). Sorted.
const CMS: &[(u16, &str)] = &[
    (1, "unassigned number"),
    (8, "operator determined barring"),
    (10, "call barred"),
    (21, "short message transfer rejected"),
    (27, "destination out of service"),
    (28, "unidentified subscriber"),
    (29, "facility rejected"),
    (30, "unknown subscriber"),
    (38, "network out of order"),
    (41, "temporary failure"),
    (42, "congestion"),
    (47, "resources unavailable"),
    (50, "requested facility not subscribed"),
    (69, "requested facility not implemented"),
    (81, "invalid short message transfer reference"),
    (95, "invalid message"),
    (96, "invalid mandatory information"),
    (97, "message type unknown or not implemented"),
    (98, "message not compatible with protocol state"),
    (99, "information element unknown or not implemented"),
    (111, "protocol error"),
    (127, "interworking"),
    (128, "telematic interworking not supported"),
    (129, "short message type 0 not supported"),
    (130, "cannot replace short message"),
    (143, "unspecified TP-PID error"),
    (144, "data coding scheme not supported"),
    (145, "message class not supported"),
    (159, "unspecified TP-DCS error"),
    (160, "command cannot be actioned"),
    (161, "command unsupported"),
    (175, "unspecified TP-Command error"),
    (176, "TPDU not supported"),
    (192, "service centre busy"),
    (193, "no service centre subscription"),
    (194, "service centre system failure"),
    (195, "invalid SME address"),
    (196, "destination SME barred"),
    (197, "duplicate message rejected"),
    (198, "validity period format not supported"),
    (199, "validity period not supported"),
    (208, "SIM message storage full"),
    (209, "no message storage in SIM"),
    (210, "error in MS"),
    (211, "memory capacity exceeded"),
    (212, "SIM application toolkit busy"),
    (213, "SIM data download error"),
    (255, "unspecified error cause"),
    (300, "ME failure"),
    (301, "message service of ME reserved"),
    (302, "operation not allowed"),
    (303, "operation not supported"),
    (304, "invalid PDU mode parameter"),
    (305, "invalid text mode parameter"),
    (310, "SIM not inserted"),
    (311, "SIM PIN required"),
    (312, "PH-SIM PIN required"),
    (313, "SIM failure"),
    (314, "SIM busy"),
    (315, "SIM wrong"),
    (316, "SIM PUK required"),
    (317, "SIM PIN2 required"),
    (318, "SIM PUK2 required"),
    (320, "memory failure"),
    (321, "invalid memory index"),
    (322, "memory full"),
    (330, "service centre address unknown"),
    (331, "no network service"),
    (332, "network timeout"),
    (340, "no +CNMA acknowledgement expected"),
    (500, "unknown error"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        for table in [CME, CMS] {
            assert!(table.is_sorted_by(|one, next| one.0 < next.0));
        }
    }

    /// Some of each clause, so that a line which got lost or moved is noticed.
    #[test]
    fn the_standards_numbers_have_names() {
        assert_eq!((CME.len(), CMS.len()), (177, 71));
        for (number, name) in [
            (3, "operation not allowed"),
            (63, "message waiting indication subscription failure"),
            (105, "IMEI not accepted"),
            (122, "congestion"),
            (134, "service option temporarily out of order"),
            (141, "semantic error in the TFT operation"),
            (146, "PDP context without TFT already activated"),
            (151, "VBS/VGCS not supported by the network"),
            (165, "group ID prefix value invalid"),
            (171, "last PDN disconnection not allowed"),
            (182, "user data transmission via control plane is congested"),
            (201, "ESM information not received"),
            (233, "wireline access area not allowed"),
        ] {
            assert_eq!(standard("cme", number), Some(name), "{number}");
        }
        for (number, name) in [
            (38, "network out of order"),
            (144, "data coding scheme not supported"),
            (199, "validity period not supported"),
            (213, "SIM data download error"),
            (330, "service centre address unknown"),
        ] {
            assert_eq!(standard("cms", number), Some(name), "{number}");
        }
        for number in [8, 64, 101, 123, 166, 234, 767] {
            assert_eq!(standard("cme", number), None, "{number}");
        }
        // 224 to 254 are the application's, from 512 on they are the maker's.
        for number in [0, 224, 319, 512] {
            assert_eq!(standard("cms", number), None, "{number}");
        }
    }

    #[test]
    fn the_dialect_comes_first() {
        let mut dialect = Dialect::default();
        assert_eq!(meaning(&dialect, "cme", 10), Some("SIM not inserted"));
        assert_eq!(meaning(&dialect, "cms", 500), Some("unknown error"));
        assert_eq!(meaning(&dialect, "cme", -1), None);
        assert_eq!(meaning(&dialect, "qmtopen", 3), None);
        dialect.errors.entry("cme".into()).or_default().insert(10, "no card".into());
        assert_eq!(meaning(&dialect, "cme", 10), Some("no card"));
    }
}
