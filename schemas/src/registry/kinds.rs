//! The fields of each kind, in the order of docs/feeds.md section 2: the order of the checks, of the log, and of ties.
//!
//! Owns the tables. A field that is added here is checked, stored, documented, explained and seen by rules; a field
//! that comes last and is optional (or has a default) reads as absent in data that is older than it.

use super::field::{Column, Pattern};
use crate::vocabulary::{
    Classification, Degree, ExternalColour, Holder, IsolationBasis, ListingBasis, ListingColour, Method, Mode, Outcome,
    Role, Stage, StaySource, SymptomName, SymptomSource, TestResult, Tier, Tube,
};

/// Instants that may be told a week before.
const WEEK_HOURS: i64 = 7 * 24;

pub(crate) const BINDINGS: &[Column] = &[
    Column::text("phone", "手机号代码", "The phone number, beside the person.").like(Pattern::Phone),
    Column::code::<Holder>(
        "holder",
        "绑定方式",
        "How it is bound; only verified bindings say whose the records of a phone are.",
    ),
    Column::instant("since", "起", "From when."),
    Column::instant("until", "止", "Until when, not before since; may lie in the future; absent while it holds.")
        .optional()
        .free()
        .not_before("since")
        .closes(),
];
pub(crate) const CASES: &[Column] = &[
    Column::code::<Classification>(
        "classification",
        "诊断",
        "What the person is; excluded: the suspicion did not hold.",
    )
    .decides(),
    Column::instant("determined_at", "判定", "When this was determined."),
    Column::instant("onset_at", "发病", "When symptoms began.").optional(),
    Column::instant("discharged_at", "出院", "When the person left hospital; not before determined_at.")
        .optional()
        .not_before("determined_at")
        .closes(),
];
pub(crate) const CONTACTS: &[Column] = &[
    Column::code::<Degree>("degree", "接触程度", "How close the contact was.").decides(),
    Column::instant("determined_at", "判定", "When it was determined."),
    Column::instant("last_exposure_at", "末次接触", "When the person was exposed last."),
];
/// What a contact hangs on: kept for trace, and last in the order of ties.
pub(crate) const CONTACT_LINKS: &[Column; 2] = &[
    Column::text(
        "index_case",
        "关联病例",
        "The case record that the contact hangs on, \"owner/id\": the contact counts while that case counts.",
    )
    .optional()
    .like(Pattern::RecordName)
    .free_text(),
    Column::text("index_contact", "关联接触者", "The contact record that the contact hangs on, \"owner/id\".")
        .optional()
        .like(Pattern::RecordName)
        .free_text(),
];
pub(crate) const STAYS: &[Column] = &[
    Column::region("region", "地区", "The region, as finely as the source knows it."),
    Column::instant("arrived_at", "到达", "When the person came."),
    Column::instant("left_at", "离开", "When the person left, not before arrived_at; absent while there.")
        .optional()
        .not_before("arrived_at")
        .closes(),
    Column::code::<StaySource>("source", "来源", "Where the stay is known from."),
];
pub(crate) const TRIPS: &[Column] = &[
    Column::code::<Mode>("mode", "交通方式", "The means of transport."),
    Column::text(
        "number",
        "班次",
        "The number of the flight, train or ship, or the plate of the coach: 2 to 16 letters and digits, of a plate 5 \
         or more; width, case, white space, hyphens, middle dots and leading zeros do not matter.",
    )
    .like(Pattern::Number),
    Column::date(
        "service_date",
        "日期",
        "The local day on which the vehicle leaves its first stop: that of boarded_at or one of the three before.",
    ),
    Column::text("carriage", "车厢", "The carriage, or the cabin of a ship.").optional().like(Pattern::Carriage),
    Column::integer("row", "排", (1, 9999), "The row. A JSON integer literal.").optional(),
    Column::text("seat", "座位", "The seat.").optional().free_text(),
    Column::instant("boarded_at", "上车", "When the person boarded."),
    Column::instant("alighted_at", "下车", "When the person alighted, not before boarded_at.").not_before("boarded_at"),
    Column::region("from_region", "出发地", "Where the person boarded.").optional(),
    Column::region("to_region", "到达地", "Where the person alighted.").optional(),
    Column::code::<Role>("role", "角色", "Whether the person travelled or worked aboard.").or(Role::Passenger as u8),
];
pub(crate) const ENTRIES: &[Column] = &[
    Column::instant("entered_at", "入境", "When the person entered."),
    Column::instant("last_overseas_at", "最后境外", "When the person was last overseas.").optional(),
    Column::text("country", "国家", "The country that the person came from.").like(Pattern::Country),
    Column::text("port", "口岸", "The port of entry.").optional().free_text(),
];
pub(crate) const TESTS: &[Column] = &[
    Column::code::<Method>("method", "方法", "How it was tested.").decides(),
    Column::code::<TestResult>("result", "结果", "What the test said.").decides(),
    Column::code::<Tube>("tube", "采样管", "Whether the tube held one sample or several.").or(Tube::Single as u8),
    Column::instant("sampled_at", "采样", "When the sample was taken."),
    Column::instant("reported_at", "报告", "When the result was reported, not before sampled_at.")
        .not_before("sampled_at"),
    Column::region("issuer_region", "出具地", "Where the laboratory is.").optional(),
];
pub(crate) const SYMPTOMS: &[Column] = &[
    Column::code::<SymptomName>("symptom", "症状", "The symptom.").decides(),
    Column::instant("onset_at", "发病", "When it began."),
    Column::instant("resolved_at", "缓解", "When it was over, not before onset_at.")
        .optional()
        .not_before("onset_at")
        .closes(),
    Column::instant("cleared_at", "排查结束", "When the investigation was closed, not before onset_at.")
        .optional()
        .not_before("onset_at")
        .closes(),
    Column::code::<SymptomSource>("source", "来源", "Who reported it."),
];
pub(crate) const ISOLATIONS: &[Column] = &[
    Column::code::<Stage>("stage", "阶段", "Where the person is isolated.").decides(),
    Column::code::<IsolationBasis>("basis", "依据", "Why."),
    Column::instant("started_at", "开始", "When it began."),
    Column::instant("due_at", "应解除", "When it is to end, not before started_at; may lie in the future.")
        .optional()
        .free()
        .not_before("started_at"),
    Column::instant("ended_at", "终止", "When it ended, not before started_at.")
        .optional()
        .not_before("started_at")
        .closes(),
    Column::code::<Outcome>(
        "outcome",
        "结果",
        "How it ended; cancelled: the order should not have been, and releases nobody.",
    )
    .optional(),
    Column::code::<Stage>("next_stage", "下一阶段", "The stage that follows a transfer.").optional(),
];
pub(crate) const LISTINGS: &[Column] = &[
    Column::code::<ListingColour>("colour", "颜色", "The colour asked for.").decides(),
    Column::text(
        "approver",
        "批准",
        "Who approved: another than the owner, of the same pattern, and one of the owners listed for listings.",
    )
    .like(Pattern::Approver),
    Column::code::<ListingBasis>("basis", "依据", "The ground on which the list stands; there is no other.")
        .listing_basis(),
    Column::text("document", "文件", "The document.").like(Pattern::NotBlank).free_text(),
    Column::instant("starts_at", "起", "From when; at most 7 days of 24 hours after known_at.").hours_ahead(WEEK_HOURS),
    Column::instant("expires_at", "止", "Until when: not before starts_at, at most 30 days of 24 hours after it.")
        .free()
        .not_before("starts_at"),
];
pub(crate) const EXTERNAL_CODES: &[Column] = &[
    Column { pattern: Pattern::Province, ..Column::region("province", "省份", "The province that gave it.") },
    Column::code::<ExternalColour>("colour", "颜色", "The colour."),
    Column::instant("assigned_at", "赋码", "When it was given."),
    Column::instant("released_at", "解除", "When it was taken back, not before assigned_at.")
        .optional()
        .not_before("assigned_at")
        .closes(),
];
pub(crate) const REGIONS: &[Column] = &[
    Column::region("region", "地区", "The region."),
    Column::code::<Tier>("tier", "风险等级", "Its tier."),
    Column::instant("since", "起", "From when; at most 7 days of 24 hours after known_at.").hours_ahead(WEEK_HOURS),
    Column::instant("until", "止", "Until when, not before since; may lie in the future; absent while it holds.")
        .optional()
        .free()
        .not_before("since"),
    Column::text("authority", "发布机关", "Who decided.").free_text(),
    Column::text("document", "文件", "The document.").optional().free_text(),
];
