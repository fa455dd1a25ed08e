//! Transposes of matrices, eight by eight numbers at a time where the processor has AVX2: moving
//! them one by one takes seven times as long, and every product turns one of its sides.

use super::prefetch;

/// Columns that are asked for before they are moved.
const DISTANCE: usize = 48;

/// out[c·out_stride + r] = from[r·stride + c] for r below `rows` and c below `cols`.
///
/// # Panics
/// Where a slice ends before the last number.
pub(crate) fn transpose(
    (from, stride): (&[f32], usize),
    (rows, cols): (usize, usize),
    (out, out_stride): (&mut [f32], usize),
) {
    if rows == 0 || cols == 0 {
        return;
    }
    assert!(
        from.len() >= (rows - 1) * stride + cols,
        "a matrix larger than its numbers"
    );
    assert!(
        out.len() >= (cols - 1) * out_stride + rows,
        "a transpose larger than its numbers"
    );
    let (mut whole_rows, mut whole_cols) = (0, 0);
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        (whole_rows, whole_cols) = (rows - rows % 8, cols - cols % 8);
        for col in (0..whole_cols).step_by(8) {
            for row in (0..whole_rows).step_by(8) {
                if col % 16 == 0 {
                    for i in 0..8 {
                        prefetch(from, (row + i) * stride + col + DISTANCE, 1);
                    }
                }
                let (from, out) = (
                    &from[row * stride + col..],
                    &mut out[col * out_stride + row..],
                );
                #[expect(unsafe_code, reason = "vector instructions of one processor")]
                // SAFETY: the processor has AVX2; both slices reach to the last number of this
                // square, as asserted above.
                unsafe {
                    square(from.as_ptr(), stride, out.as_mut_ptr(), out_stride);
                }
            }
        }
    }
    // What no square covers: on the right of them, and below.
    for row in 0..rows {
        let first = if row < whole_rows { whole_cols } else { 0 };
        for col in first..cols {
            out[col * out_stride + row] = from[row * stride + col];
        }
    }
}

/// The transpose of eight rows of eight numbers: pairs, then fours, then halves change places.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[expect(unsafe_code, reason = "vector instructions of one processor")]
unsafe fn square(from: *const f32, stride: usize, out: *mut f32, out_stride: usize) {
    use std::arch::x86_64::{
        __m256, _mm256_loadu_ps, _mm256_permute2f128_ps, _mm256_shuffle_ps, _mm256_storeu_ps,
        _mm256_unpackhi_ps, _mm256_unpacklo_ps,
    };
    let fours = |a: __m256, b: __m256| {
        [
            _mm256_shuffle_ps::<0x44>(a, b),
            _mm256_shuffle_ps::<0xEE>(a, b),
        ]
    };
    // SAFETY: the caller promises eight rows of eight numbers on both sides.
    unsafe {
        let row = |i: usize| _mm256_loadu_ps(from.add(i * stride));
        let pairs = |i: usize| {
            let (a, b) = (row(i), row(i + 1));
            [_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)]
        };
        let (p, q, r, s) = (pairs(0), pairs(2), pairs(4), pairs(6));
        let upper = [fours(p[0], q[0]), fours(p[1], q[1])];
        let lower = [fours(r[0], s[0]), fours(r[1], s[1])];
        for i in 0..4 {
            let (a, b) = (upper[i / 2][i % 2], lower[i / 2][i % 2]);
            _mm256_storeu_ps(
                out.add(i * out_stride),
                _mm256_permute2f128_ps::<0x20>(a, b),
            );
            _mm256_storeu_ps(
                out.add((i + 4) * out_stride),
                _mm256_permute2f128_ps::<0x31>(a, b),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::probe::numbers;

    #[test]
    fn every_number_changes_its_place_and_nothing_else_is_written() {
        for (rows, cols) in [(1, 1), (8, 8), (9, 8), (8, 17), (7, 3), (31, 40), (0, 5)] {
            let (stride, out_stride) = (cols + 3, rows + 2);
            let from = numbers(rows.max(1) * stride, 1);
            let mut out = vec![f32::NAN; cols * out_stride];
            transpose((&from, stride), (rows, cols), (&mut out, out_stride));
            for (i, got) in out.iter().enumerate() {
                let (col, row) = (i / out_stride, i % out_stride);
                if row < rows {
                    assert_eq!(
                        *got,
                        from[row * stride + col],
                        "{rows}×{cols} at {row}, {col}"
                    );
                } else {
                    assert!(got.is_nan());
                }
            }
        }
    }
}
