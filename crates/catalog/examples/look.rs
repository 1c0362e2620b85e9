//! Looks at a report.
fn main() {
    let name = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&name).unwrap();
    let (site, problems) = catalog::check_site(&text, &catalog::Catalog::shipped());
    println!("{}", problems.render(&name, &text));
    if let Some(site) = site {
        println!("{}", catalog::write_site(&site.record));
    }
}
