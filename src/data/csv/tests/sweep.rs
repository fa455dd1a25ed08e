//! Files as people have them: each is read as documented, or refused with file, line and remedy.

use std::io::Write;

use super::*;

/// What loading a file of these bytes says: the samples and notes, or the fault.
fn said(name: &str, bytes: &[u8], keys: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let text = match load_file(&path, keys, ALL) {
        Err(error) => format!("{}: {error}", error.key()),
        Ok(data) => {
            let mut lines = vec![format!("{:?} {:?}", features(&data), targets(&*data.train))];
            lines.extend(data.facts.notes.clone());
            lines.extend(data.facts.warnings.iter().map(ToString::to_string));
            lines.join(" / ")
        }
    };
    text.replace(&format!("{}/", folder.path().display()), "")
}

const REGRESSION: &str = "target = \"y\"\ntask = \"regression\"\nstandardize = false";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn one_table_in_many_dresses_reads_the_same() {
    let plain = b"a,y\n1,2\n3,4\n";
    let members = [gzip(b"a,y\n1"), gzip(b",2\n3,4\n")].concat();
    let dresses: [(&str, Vec<u8>); 16] = [
        ("t.csv", plain.to_vec()),
        ("t.csv", b"\xef\xbb\xbfa,y\n1,2\n3,4\n".to_vec()),
        ("t.csv", b"a,y\r\n1,2\r\n3,4\r\n".to_vec()),
        ("t.csv", b"a,y\r1,2\r3,4\r".to_vec()),
        ("t.csv", b"a,y\n1,2\n3,4".to_vec()),
        ("t.csv", b"\n\na,y\n\n1,2\n  \n3,4\n\n\n".to_vec()),
        ("t.csv", b" a , y\n 1,\t2\n3 , 4 \n".to_vec()),
        ("t.csv", b"\"a\",\"y\"\n\"1\",\"2\"\n3,\"4\"\n".to_vec()),
        ("t.csv", b"a;y\n1;2\n3;4\n".to_vec()),
        ("t.tsv", b"a\ty\n1\t2\n3\t4\n".to_vec()),
        ("t.csv", b"a|y\r\n1|2\r\n3|4\r\n".to_vec()),
        ("t.csv", b"a,y\n+1,2.0\n3e0,04\n".to_vec()),
        ("t.csv.gz", gzip(plain)),
        ("t.csv.gz", members),
        ("t.csv", gzip(plain)),
        ("t.csv.gz", plain.to_vec()),
    ];
    for (name, bytes) in dresses {
        let said = said(name, &bytes, REGRESSION);
        let values = said.split(" / ").next().unwrap();
        assert_eq!(values, "[[1.0], [3.0]] [2.0, 4.0]", "{name} {bytes:?}");
    }
}

#[test]
fn files_that_are_no_table_are_refused() {
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    };
    let iconv = "; hint: save the file as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`";
    let long = "x".repeat(1 << 20);
    for (bytes, expected) in [
        (b"".to_vec(), "path: `t.csv` is empty; hint: expected a header line and rows".to_string()),
        (b"\xef\xbb\xbf\n \n".to_vec(), "path: `t.csv` is empty; hint: expected a header line and rows".into()),
        (gzip(b""), "path: `t.csv` is empty; hint: expected a header line and rows".into()),
        (b"a,y\n".to_vec(), "path: `t.csv` has no rows after its header".into()),
        (utf16("\u{feff}a,y\n1,2\n", u16::to_le_bytes), format!("path: `t.csv` is UTF-16 text{iconv}")),
        (utf16("\u{feff}a,y\n1,2\n", u16::to_be_bytes), format!("path: `t.csv` is UTF-16 text{iconv}")),
        (
            b"a,y\nM\xfcller,2\n".to_vec(),
            "path: `t.csv:2` is not UTF-8 text: byte 0xfc in column 2; hint: save the file as UTF-8; \
             if `Müller` is right, it is Latin-1: `iconv -f WINDOWS-1252 -t UTF-8`".into(),
        ),
        (b"a,y\n1,2\n\0,3\n".to_vec(), "path: `t.csv:3` has a NUL byte in column 1; hint: is it a text file?".into()),
        (
            b"PK\x03\x04\x14\0".to_vec(),
            "path: `t.csv` is not text, it is a zip archive or an Excel workbook; hint: export it as CSV in UTF-8".into(),
        ),
        (
            gzip(b"a,y\n1,2\n3,4\n")[..20].to_vec(),
            "path: cannot read `t.csv`: its gzip data ends too early; hint: the file is incomplete, get it again".into(),
        ),
        (
            b"a,y\n1,\"2\n3,4\n".to_vec(),
            "path: `t.csv:2` opens a quote that is never closed; hint: close it; inside quotes, a quote is written twice".into(),
        ),
        (
            format!("a,y\n1,2\n{long}\n").into_bytes(),
            "path: `t.csv:3` has 1 value, expected 2 as in the first line; hint: leave a missing value empty, but keep its separator".into(),
        ),
    ] {
        assert_eq!(said("t.csv", &bytes, REGRESSION), expected);
    }
    let folder = tempfile::tempdir().unwrap();
    let error = load_file(folder.path(), REGRESSION, ALL)
        .unwrap_err()
        .to_string();
    assert!(error.contains("` is not a file; hint: "), "{error}");
}

#[test]
fn rows_of_another_length_have_a_remedy() {
    let expected = "expected 2 as in the first line; hint: ";
    for (rows, fault) in [
        (
            "1,2\n3\n",
            "3` has 1 value, EXPleave a missing value empty, but keep its separator",
        ),
        (
            "1,2\n3,4,5\n",
            "3` has 3 values, EXPput a value that contains `,` in quotes",
        ),
        (
            "1,2,\n",
            "2` has 3 values, EXPthe row ends with a separator; remove it, or end the first line with one too",
        ),
        (
            "# units: m, kg, s\n1,2\n",
            "2` has 3 values, EXPremove comment lines",
        ),
        (
            "1, \"2,5\"\n",
            "2` has 3 values, EXPa quote counts only at the beginning of a value; remove the space before it",
        ),
        (
            "\"1\n2,\"3\n",
            "2` has 1 value, EXPa quoted value spans several lines here; is a quote missing?",
        ),
    ] {
        let text = format!("a,y\n{rows}");
        let fault = format!("path: `t.csv:{}", fault.replace("EXP", expected));
        assert_eq!(said("t.csv", text.as_bytes(), REGRESSION), fault);
    }
}

#[test]
fn headers_have_a_name_for_each_column() {
    for (text, expected) in [
        (
            "a,a,y\n1,2,3\n",
            "path: `t.csv:1` names column `a` twice, as column 1 and column 2; hint: rename one of them",
        ),
        (
            "5.1,3.5,1.4,1.4\n1,2,3,4\n",
            "path: `t.csv:1` names column `1.4` twice, as column 3 and column 4; hint: the first line looks like values: header = false",
        ),
        (
            "5.1,3.5,1.4\n1,2,3\n",
            "target: `t.csv` has no column `y`; hint: the first line looks like values: header = false",
        ),
        (
            "a,,y\n1,2,3\n",
            "path: `t.csv:1` has no name for column 2; hint: name it, or leave it out with columns = { \"\" = { type = \"ignore\" } }",
        ),
        (
            "# made by hand\na,y\n1,2\n",
            "separator: `t.csv:1` has only one column; hint: the header is the first line; remove the lines before it",
        ),
        (
            "a y\n1 2\n",
            "separator: `t.csv:1` has only one column; hint: the file looks separated by spaces; replace them by commas",
        ),
        (
            "a,Y\n1,2\n",
            "target: `t.csv` has no column `y`; hint: did you mean `Y`?",
        ),
    ] {
        assert_eq!(said("t.csv", text.as_bytes(), REGRESSION), expected);
    }
    // Separators at the ends of all lines make columns of nothing.
    assert_eq!(
        said("t.csv", b"a,y,,\n1,2,,\n3,4,,\n", REGRESSION),
        "[[1.0], [3.0]] [2.0, 4.0] / column 3 has neither a name nor values and is left out \
         / column 4 has neither a name nor values and is left out"
    );
}

#[test]
fn values_that_are_nearly_numbers_are_told_with_a_remedy() {
    for (value, remedy) in [
        (
            "inf",
            "; hint: a value must be finite; leave it empty where it is missing",
        ),
        (
            "1_000",
            "; hint: write it without separators between the digits",
        ),
        ("0x10", "; hint: write it in decimal"),
        ("\"1,5\"", "; hint: decimal = \",\""),
        ("−1", "; hint: its minus sign is not `-`"),
        ("1e400", "; hint: numbers go up to 3.4e38"),
        (
            "N/A",
            "; hint: leave a missing value empty, or write NA or ?",
        ),
        ("tall", ""),
    ] {
        let text = format!("a,y\n1,2\n2,3\n{value},4\n");
        let number = format!("{REGRESSION}\ncolumns = {{ a = {{ type = \"number\" }} }}");
        let bare = value.trim_matches('"');
        assert_eq!(
            said("t.csv", text.as_bytes(), &number),
            format!(
                "columns.a.type: `t.csv:4`, column `a`: `{bare}` is not a finite number{remedy}"
            )
        );
        let note =
            format!("column `a` is read as a category because of `{bare}` in line 4{remedy}");
        let said = said("t.csv", text.as_bytes(), REGRESSION);
        assert!(said.split(" / ").any(|line| line == note), "{said}\n{note}");
    }
    let text = "a,y\n1,2\nNaN,3\nnull,4\n,5\n";
    let filled = format!("{REGRESSION}\nmissing = \"mean\"");
    assert_eq!(
        said("t.csv", text.as_bytes(), &filled),
        "[[1.0], [1.0], [1.0], [1.0]] [2.0, 3.0, 4.0, 5.0] / \
         column `a`: 3 missing filled with the mean `1` / \
         column `a` has one value in the training split, so nothing is learned from it"
    );
}

#[test]
fn targets_that_cannot_be_learned_are_refused() {
    for (text, expected) in [
        (
            "a,y\n1,\n2,3\n",
            "missing: `t.csv:2`, column `y`: the target is missing (1 in this column); hint: missing = \"drop\" leaves such rows out",
        ),
        (
            "a,y\n1,2\n2,2\n",
            "target: target `y` of `t.csv` is `2` in every row; there is nothing to learn",
        ),
        (
            "a,y\n1,2\n,\n",
            "missing: `t.csv:3`, column `y`: the row has no values at all; hint: remove the line",
        ),
        (
            "a,y\n,2\n,3\n",
            "missing: `t.csv:2`, column `a`: the value is missing (2 in this column); hint: missing = \"mean\", \"median\" or \"drop\"",
        ),
    ] {
        assert_eq!(said("t.csv", text.as_bytes(), REGRESSION), expected);
    }
}
