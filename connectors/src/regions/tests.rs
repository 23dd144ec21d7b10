//! The import of the risk-area list: names to codes, and what becomes of corrections.
//!
//! Owns a small table of codes in the shape of the real one.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;

use super::*;

const CODES: &str = "\
code,name,parent\n11,北京市,\n1101,市辖区,11\n110105,朝阳区,1101\n110105022,高碑店地区,110105\n\
110105024,酒仙桥街道,110105\n110112,通州区,1101\n110112120,永顺镇,110112\n31,上海市,\n3101,市辖区,31\n\
310106,静安区,3101\n310106006,江宁路街道,310106\n22,吉林省,\n2201,长春市,22\n220104,朝阳区,2201\n\
220173,长春高新技术产业开发区,2201\n220173001,硅谷街道,220173\n220173002,北湖街道,220173\n2202,吉林市,22\n\
220202,昌邑区,2202\n220202101,桦皮厂镇,220202\n61,陕西省,\n6101,西安市,61\n610112,未央区,6101\n\
610112002,三桥街道,610112\n13,河北省,\n1310,廊坊市,13\n131003,广阳区,1310\n131003101,葛渔城镇,131003\n\
131003102,九州镇,131003\n";
const ALIASES: &str =
    "province,city,county,code,note\n吉林省,长春市,长春新区,220173,x\n陕西省,西安市,西咸新区,6101,x\n";

fn row(snapshot: u64, op: &str, names: [&str; 4]) -> String {
    let (tier, previous) = match op {
        "add" => ("\"medium\"", "null"),
        "change" => ("\"high\"", "\"medium\""),
        "remove-high" => ("null", "\"high\""),
        _ => ("null", "\"medium\""),
    };
    let op = op.trim_end_matches("-high");
    let [province, city, county, area] = names;
    format!(
        concat!(
            r#"{{"snapshot":{0},"published_at":"2022-04-{0:02}T11:00:00+08:00","saved_at":"2022-04-{0:02}T12:34:56+08:00","op":"{1}","#,
            r#""tier":{2},"previous_tier":{3},"province":"{4}","city":"{5}","county":"{6}","area_name":"{7}","type":"2"}}"#
        ),
        snapshot, op, tier, previous, province, city, county, area
    )
}

fn run(rows: &[String]) -> Import {
    let snapshots = rows.join("\n");
    let input = Input {
        snapshots: snapshots.as_bytes(),
        codes: CODES.as_bytes(),
        aliases: ALIASES.as_bytes(),
        owner: OWNER,
        authority: AUTHORITY,
    };
    import(&input).unwrap()
}

fn events(import: &Import) -> Vec<Value> {
    import
        .events
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// The code of one area; `street+` for a code made under a street or county.
fn code(names: [&str; 4]) -> String {
    let import = run(&[row(1, "add", names)]);
    match import.places.first() {
        None => import.review[0].reason.clone(),
        Some(Place { code, made: false, .. }) => code.clone(),
        Some(Place { code, .. }) => {
            assert_eq!(code.len(), 12);
            let parent = if &code[6..9] < "600" { 9 } else { 6 };
            assert!(code[parent..].starts_with(['6', '7', '8', '9']), "{code}");
            format!("{}+", &code[..parent])
        }
    }
}

#[test]
fn names_are_resolved_level_by_level() {
    for (names, expected) in [
        (["河北省", "廊坊市", "广阳区", "葛渔城镇全域"], "131003101"),
        (["河北省", "廊坊市", "广阳区", "葛渔城镇"], "131003101"),
        (["河北省", "廊坊市", "广阳区", "葛渔城镇欧韵城小区"], "131003101+"),
        (["河北省", "廊坊市", "广阳区", "北大荒物流股份有限公司"], "131003+"),
        (["河北省", "廊坊市", "广阳区", "廊坊九州镇一村"], "131003102+"),
        (["河北省", "廊坊市", "广阳区", ""], "131003"),
        (["河北省", "廊坊市", "广阳区", "全域"], "131003"),
        (["上海市", "上海市", "静安区", "江宁路街道海防路1号"], "310106006+"),
        (["北京市", "朝阳区", "酒仙桥街道", "二街坊"], "110105024+"),
        (["北京市", "朝阳区", "高碑店（地区）乡", "方家园社区"], "110105022+"),
        (["北京市", "通州区", "永顺（地区）镇", "全域"], "110112120"),
        (["北京市", "朝阳区", "某某街道", "某小区"], "110105+"),
        (["北京市", "朝阳区", "某某街道", ""], "110105+"),
        (["吉林省", "长春市", "长春新区", "硅谷街道恒大雅苑"], "220173001+"),
        (["吉林省", "长春市", "某开发区", "北湖街道北湖花园"], "220173002+"),
        (["吉林省", "长春市", "朝阳区", "酒仙桥街道二街坊"], "220104+"),
        (["陕西省", "西安市", "西咸新区", "沣东新城三桥街道秦汉酒店"], "610112002+"),
    ] {
        assert_eq!(code(names), expected, "{names:?}");
    }
}

/// As the statistical office publishes it: every code has 12 digits.
#[test]
fn a_table_of_codes_of_12_digits_gives_the_same_places() {
    let padded: String = CODES
        .lines()
        .map(|line| match line.split_once(',') {
            Some((code, rest)) if code != "code" => format!("{code:0<12},{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let rows = [row(1, "add", ["河北省", "廊坊市", "广阳区", "葛渔城镇全域"])];
    let snapshots = rows.join("\n");
    let input = |codes| Input {
        snapshots: snapshots.as_bytes(),
        codes,
        aliases: b"province,city,county,code,note\n",
        owner: OWNER,
        authority: AUTHORITY,
    };
    assert_eq!(import(&input(padded.as_bytes())).unwrap(), import(&input(CODES.as_bytes())).unwrap());
}

/// Read by the street that it names, each of these would put the area where it is not.
#[test]
fn a_text_that_leaves_a_place_out_or_names_several_is_for_people() {
    let reason = |area: &str| code(["河北省", "廊坊市", "广阳区", area]);
    for area in [
        "除葛渔城镇外全域",
        "除葛渔城镇以外的区域",
        "全域（不含葛渔城镇）",
        "不包括葛渔城镇",
        "葛渔城镇之外",
        "九州镇（某村除外）",
        "九州镇，其余区域",
        "葛渔城镇外全域",
    ] {
        assert!(reason(area).starts_with("the text leaves a place out"), "{area}: {}", reason(area));
    }
    assert!(code(["北京市", "朝阳区", "酒仙桥街道", "除二街坊"]).starts_with("the text leaves"));
    assert!(code(["北京市", "朝阳区", "除酒仙桥街道外", "全域"]).starts_with("the text leaves"));
    for area in [
        "九州镇、葛渔城镇",
        "九州镇和葛渔城镇全域",
        "九州镇及葛渔城",
        "九州镇与葛渔城镇之间",
        "九州镇以及周边",
        "九州镇一村、葛渔城镇二村",
        "九州镇、某村",
    ] {
        assert!(reason(area).starts_with("the text names several streets"), "{area}: {}", reason(area));
    }
    assert!(code(["北京市", "朝阳区", "酒仙桥街道", "、高碑店地区"]).starts_with("the text names several"));
    // Several houses of one street are one area; and these words may begin a name.
    assert_eq!(reason("九州镇3幢、4幢"), "131003102+");
    assert_eq!(reason("九州镇葛渔城镇政府宿舍楼"), "131003102+");
    assert_eq!(reason("九州镇（含九州镇一村、九州镇二村）"), "131003102+");
    assert_eq!(reason("九州镇和谐社区"), "131003102+");
    assert_eq!(reason("建设路以北、九州镇以东合围区域"), "131003102+");
}

#[test]
fn what_cannot_be_resolved_is_listed_with_its_reason() {
    for (names, expected) in [
        (["江苏省", "南京市", "六合区", "x"], "no such province"),
        (["吉林省", "四平市", "铁西区", "x"], "no such city or district"),
        (["吉林省", "长春市", "某开发区", "某小区"], "no such county; give it an alias"),
        (["吉林省", "长春市", "", "某小区"], "names no county"),
        (["北京市", "朝阳区", "", ""], "names no county"),
        (["", "", "", ""], "no such province"),
        (
            ["陕西省", "西安市", "西咸新区", "全域"],
            "the zone lies in several counties, and the area names no street of theirs",
        ),
    ] {
        assert_eq!(code(names), expected, "{names:?}");
    }
    let unknown = ["吉林省", "四平市", "铁西区", "x"];
    let import = run(&[
        row(1, "add", unknown),
        "{".to_owned(),
        String::new(),
        row(2, "change", unknown),
        row(3, "remove-high", unknown),
    ]);
    assert_eq!(import.review.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 2, 4, 5]);
    assert_eq!((import.counts["rows"], import.counts["rows_for_review"], import.counts["areas_unresolved"]), (4, 4, 1));
    let text = String::from_utf8(import.review_csv()).unwrap();
    assert!(text.starts_with(
        "line,reason,province,city,county,area_name,op\n1,no such city or district,吉林省,四平市,铁西区,x,add\n2,cannot be read"
    ));
    assert!(import.events.is_empty());
}

#[test]
fn an_area_begins_changes_and_ends() {
    let area = ["北京市", "朝阳区", "酒仙桥街道", "二街坊"];
    let import = run(&[row(1, "add", area), row(5, "change", area), row(9, "remove-high", area)]);
    let events = events(&import);
    let told: Vec<(&str, i64, &str, &str, Option<&str>)> = events
        .iter()
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap();
            (
                &text("known_at")[..10],
                event["revision"].as_i64().unwrap(),
                text("tier"),
                &text("since")[..13],
                event["until"].as_str().map(|until| &until[..13]),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("2022-04-01", 1, "medium", "2022-04-01T11", None),
            ("2022-04-05", 2, "medium", "2022-04-01T11", Some("2022-04-05T11")),
            ("2022-04-05", 1, "high", "2022-04-05T11", None),
            ("2022-04-09", 2, "high", "2022-04-05T11", Some("2022-04-09T11")),
        ]
    );
    assert_eq!(events[0]["id"], events[1]["id"]);
    assert_ne!(events[1]["id"], events[2]["id"]);
    assert_eq!(events[0]["region"], events[3]["region"]);
    assert!(import.review.is_empty());
}

#[test]
fn a_list_that_lost_an_area_leaves_no_gap_and_one_that_goes_back_ends_it_as_it_began() {
    let area = ["北京市", "朝阳区", "酒仙桥街道", "二街坊"];
    // The two lists of snapshots 2 and 3 are of one hour.
    let again = row(3, "add", area).replace("2022-04-03T11", "2022-04-02T11");
    let back = row(4, "remove", area).replace("2022-04-04T11", "2022-04-01T11");
    let events = events(&run(&[row(1, "add", area), row(2, "remove", area), again, back]));
    assert_eq!(events[1]["until"], events[2]["since"]);
    assert_eq!(events[3]["until"], events[2]["since"]);
    assert_ne!(events[0]["id"], events[2]["id"]);
}

#[test]
fn repetitions_are_counted_and_ends_of_what_does_not_stand_are_listed() {
    let area = ["北京市", "朝阳区", "酒仙桥街道", "二街坊"];
    let import = run(&[
        row(1, "add", area),
        row(2, "add", area),
        row(3, "remove-high", area),
        row(4, "remove", area),
        row(5, "remove", area),
    ]);
    assert_eq!((import.counts["events"], import.counts["repetitions"]), (2, 1));
    assert_eq!(import.review.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(import.review[0].reason, "ends what does not stand in this tier");
}

#[test]
fn codes_do_not_depend_on_the_order_of_rows_and_a_longer_list_changes_none() {
    let area =
        |number: usize| ["北京市".to_owned(), "朝阳区".to_owned(), "酒仙桥街道".to_owned(), format!("{number}号院")];
    let rows = |numbers: &mut dyn Iterator<Item = usize>, snapshot| -> Vec<String> {
        numbers.map(|number| row(snapshot, "add", area(number).each_ref().map(String::as_str))).collect()
    };
    let first = rows(&mut (0..150), 1);
    let import = run(&first);
    assert_eq!(import, run(&rows(&mut (0..150).rev(), 1)));
    let codes: std::collections::BTreeSet<&str> = import.places.iter().map(|place| place.code.as_str()).collect();
    assert_eq!(codes.len(), 150);
    assert!(codes.iter().all(|code| code.starts_with("110105024") && &code[9..] >= "600"));

    let longer = run(&[first, rows(&mut (150..400), 2)].concat());
    assert!(import.places.iter().all(|place| longer.places.contains(place)));
    let full = run(&rows(&mut (0..410), 1));
    assert_eq!((full.counts["areas_given_a_code"], full.counts["areas_unresolved"]), (400, 10));
    assert!(full.review.iter().all(|row| row.reason == "no code is left under its street or county"));
}

#[test]
fn tables_that_cannot_be_used_are_refused() {
    let input = Input {
        snapshots: b"",
        codes: CODES.as_bytes(),
        aliases: ALIASES.as_bytes(),
        owner: OWNER,
        authority: AUTHORITY,
    };
    let refused = |input: Input<'_>| import(&input).unwrap_err().to_string();
    assert!(refused(Input { codes: b"id,name\n1,x\n", ..input }).starts_with("region codes: "));
    assert_eq!(
        refused(Input { codes: b"code,name\n123,x\n", ..input }),
        "region codes, row 1: \"123\" is no code of 2, 4, 6, 9 or 12 digits"
    );
    let aliases = format!("{ALIASES}吉林省,长春市,x,999999,x\n");
    assert!(
        refused(Input { aliases: aliases.as_bytes(), ..input })
            .starts_with("aliases, row 3: the table of codes does not have")
    );
    let aliases = format!("{ALIASES}吉林省,长春市,长春新区,2201,x\n");
    assert_eq!(
        refused(Input { aliases: aliases.as_bytes(), ..input }),
        "aliases, row 3: these names have an alias already"
    );
    assert_eq!(import(&input).unwrap(), Import::default());
    assert!(unpacked(b"\x1f\x8b\x08".to_vec()).is_err());
    let bomb = zstd::bulk::compress(&vec![b'x'; UNPACKED_BYTES_MAX + 1], 1).unwrap();
    assert!(unpacked(bomb).unwrap_err().to_string().contains("unpacks to more than"));
    assert_eq!(unpacked(b"x".to_vec()).unwrap(), b"x");
}

/// The real list: nothing stays unresolved.
#[test]
#[ignore = "needs public files that are not in the repository (FUMA_DATA); scripts/test runs it with them"]
fn the_list_of_the_second_quarter_of_2022() {
    let folder = data_folder();
    let load = |name: &str| unpacked(std::fs::read(folder.join(name)).unwrap()).unwrap();
    let (snapshots, codes) = (load("region_tier_snapshots_2022q2.ndjson.gz"), load("region_codes.csv.gz"));
    let input = Input {
        snapshots: &snapshots,
        codes: &codes,
        aliases: super::ALIASES.as_bytes(),
        owner: OWNER,
        authority: AUTHORITY,
    };
    let import = import(&input).unwrap();
    let (text, places) =
        (String::from_utf8(import.review_csv()).unwrap(), String::from_utf8(import.places_csv()).unwrap());
    if let Ok(out) = std::env::var("FUMA_TEST_OUT") {
        std::fs::write(format!("{out}/regions.ndjson"), &import.events).unwrap();
        std::fs::write(format!("{out}/review.csv"), &text).unwrap();
        std::fs::write(format!("{out}/places.csv"), &places).unwrap();
        std::fs::write(format!("{out}/counts.txt"), format!("{:#?}", import.counts)).unwrap();
    }
    assert_eq!(import.counts["rows"], 1042);
    assert_eq!(import.review, [], "{text}");
    // 491 begin, 486 end, 65 end and begin.
    assert_eq!(import.counts["events"], 491 + 486 + 2 * 65);
}

fn data_folder() -> std::path::PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = std::env::var_os("FUMA_DATA").map_or_else(|| beside.into(), std::path::PathBuf::from);
    assert!(folder.join("region_codes.csv.gz").is_file(), "no region_codes.csv.gz in {}", folder.display());
    folder
}
