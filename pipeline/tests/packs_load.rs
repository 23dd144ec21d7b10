//! scratch
#[test]
fn load() {
    for id in fuma_pipeline::policy::PackSource::built_in_ids() {
        let source = fuma_pipeline::policy::PackSource::built_in(&id).unwrap();
        match fuma_pipeline::policy::load(&source) {
            Ok(p) => {
                eprintln!("{id} ok {}", p.rules.len());
                for r in &p.rules {
                    eprintln!("{} {:?} {:?}", r.head.id, r.planned.drivers, r.planned.needs);
                }
                for (path, text) in &p.cases {
                    if let Err(e) = fuma_pipeline::policy::cases::parse(path, text) {
                        eprintln!("{e}");
                    }
                }
            }
            Err(e) => eprintln!("{id} {e}"),
        }
    }
}
