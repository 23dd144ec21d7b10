//! What columns are called, by field and feed.
//!
//! Owns the words: those of registers and exports that were seen. A word may name a field in several feeds.

/// A field, and the headings that name it.
pub(super) type Words = (&'static str, &'static [&'static str]);

/// Fields of every feed.
pub(super) const COMMON: &[Words] = &[
    ("cert_type", &["证件类型", "证件", "证件种类", "cert_type"]),
    (
        "cert_number",
        &[
            "证件号码",
            "身份证号",
            "身份证号码",
            "证件号",
            "号码",
            "cert_no",
            "cert_number",
            "person.nationalhealthid",
            "nationalhealthid",
        ],
    ),
    ("known_at", &["changedate", "更新时间"]),
];

/// Headings of the station where a passenger boards.
pub(super) const BOARDING: &[&str] = &["发站", "上车站", "乘车站", "出发站", "from_station"];
/// Headings of the station where a passenger alights.
pub(super) const ALIGHTING: &[&str] = &["到站", "下车站", "到达站", "to_station"];

/// Fields of a feed; for travel of a kind.
pub(super) struct FeedWords {
    pub(super) feed: &'static str,
    pub(super) kind: Option<&'static str>,
    pub(super) words: &'static [Words],
}

/// Every feed that tables are of.
pub(super) const FEEDS: &[FeedWords] = &[
    FeedWords {
        feed: "tests",
        kind: None,
        words: &[
            ("id", &["样本编号", "条码", "试管码", "采样编号", "样本号"]),
            ("method", &["检测项目", "检测方法", "item"]),
            ("result", &["检测结果", "结果", "result"]),
            ("tube", &["采样方式", "tube"]),
            ("sampled_at", &["采样时间", "采样日期", "sampled"]),
            ("reported_at", &["报告时间", "出报告时间", "检测时间", "reported"]),
            ("issuer_region", &["机构区划", "lab_region"]),
        ],
    },
    FeedWords {
        feed: "travel",
        kind: Some("stay"),
        words: &[
            ("phone", &["用户号码", "手机号", "手机号码", "号码"]),
            ("region", &["到访城市", "近14天到达或途经", "城市", "到访地"]),
            ("arrived_at", &["首次到访时间", "到达时间", "开始日期", "首次出现时间"]),
            ("left_at", &["末次到访时间", "离开时间", "截止日期", "末次出现时间"]),
        ],
    },
    FeedWords {
        feed: "travel",
        kind: Some("trip"),
        words: &[
            ("number", &["车次", "航班号", "班次"]),
            ("service_date", &["乘车日期", "航班日期", "发车日期"]),
            ("boarded_at", &["开车时间", "实际起飞时间", "起飞时间", "起飞时间(曼谷当地)"]),
            ("alighted_at", &["到站时间", "实际到达时间", "到达时间", "到达时间(北京时间)"]),
            ("carriage", &["车厢号", "车厢"]),
            ("seat", &["席位号", "座位号", "座位"]),
            ("role", &["人员类型"]),
        ],
    },
    FeedWords {
        feed: "cases",
        kind: None,
        words: &[
            ("id", &["病例编号", "uuid"]),
            ("classification", &["病例分类", "caseclassification"]),
            ("determined_at", &["诊断时间", "诊断日期", "classificationdate", "reportdate"]),
            ("onset_at", &["发病日期", "onsetdate", "symptoms.onsetdate"]),
            ("discharged_at", &["出院日期", "dischargedate", "hospitalization.dischargedate"]),
        ],
    },
    FeedWords {
        feed: "contacts",
        kind: None,
        words: &[
            ("id", &["密接编号", "uuid"]),
            ("degree", &["人员类别", "接触类型", "contactproximity"]),
            ("determined_at", &["判定时间", "reportdatetime"]),
            ("last_exposure_at", &["末次接触日期", "末次接触时间", "lastcontactdate"]),
            ("index_case", &["指示病例编号", "sourcecaseuuid"]),
            ("index_contact", &["关联密接编号"]),
        ],
    },
    FeedWords {
        feed: "isolations",
        kind: None,
        words: &[
            ("id", &["登记编号", "隔离编号"]),
            ("stage", &["管理措施", "隔离方式"]),
            ("basis", &["人员来源"]),
            ("started_at", &["开始时间", "隔离开始时间"]),
            ("due_at", &["应解除时间"]),
            ("ended_at", &["实际解除时间", "解除时间"]),
            ("outcome", &["解除去向"]),
        ],
    },
    FeedWords {
        feed: "listings",
        kind: None,
        words: &[
            ("document", &["文号"]),
            ("colour", &["赋码颜色"]),
            ("basis", &["赋码依据"]),
            ("starts_at", &["起始时间"]),
            ("expires_at", &["截止时间"]),
            ("approver", &["审批单位"]),
        ],
    },
];

/// Headings of columns that hold names or addresses of people.
const OF_PEOPLE: &[&str] = &["姓名", "名字", "name", "住址", "地址", "address", "联系人", "旅客"];

/// Whether a heading says that its column is about people by name.
pub(super) fn is_of_a_person(heading: &str) -> bool {
    let heading = heading.to_lowercase();
    OF_PEOPLE.iter().any(|word| heading.contains(word))
}

/// A heading as it is compared.
pub(super) fn plain(heading: &str) -> String {
    heading.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Words of closed lists, and what they may mean.
pub(super) const VALUES: &[(&str, &str)] = &[
    ("居民身份证", "10"),
    ("中国居民身份证", "10"),
    ("身份证", "10"),
    ("港澳居民来往内地通行证", "14"),
    ("港澳通行证", "14"),
    ("台湾居民来往大陆通行证", "15"),
    ("台胞证", "15"),
    ("护照", "20"),
    ("外国人永久居留身份证", "34"),
    ("新型冠状病毒核酸", "nat"),
    ("核酸", "nat"),
    ("新冠抗原", "antigen"),
    ("抗原", "antigen"),
    ("新冠抗体", "antibody"),
    ("阳性", "positive"),
    ("阴性", "negative"),
    ("未检出", "negative"),
    ("可疑", "indeterminate"),
    ("单采", "single"),
    ("确诊病例", "confirmed"),
    ("疑似病例", "suspected"),
    ("无症状感染者", "asymptomatic"),
    ("复阳", "repositive"),
    ("排除", "excluded"),
    ("密接", "close"),
    ("密切接触者", "close"),
    ("次密接", "secondary"),
    ("一般接触者", "general"),
    ("密接", "contact"),
    ("次密接", "contact"),
    ("入境", "entry"),
    ("中高风险地区", "region"),
    ("出院患者", "recovery"),
    ("其他", "other"),
    ("解除", "released"),
    ("取消", "cancelled"),
    ("转居家隔离", "transferred"),
    ("转集中隔离", "transferred"),
    ("转定点医院", "transferred"),
    ("转居家健康监测", "transferred"),
    ("时空伴随", "spatiotemporal"),
    ("现场流调", "field-investigation"),
    ("冷链排查", "cold-chain"),
    ("重点场所", "venue"),
    ("指挥部文件", "headquarters-document"),
    ("定点医院", "hospital"),
    ("集中隔离", "centralised"),
    ("居家隔离", "home"),
    ("居家健康监测", "monitoring"),
    ("红码", "red"),
    ("黄码", "yellow"),
    ("旅客", "passenger"),
    ("机组", "crew"),
];
