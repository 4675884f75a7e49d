//! A small JPEG-LS encoder for tests, written after the text of T.87 and not after the decoder: signs, loops and divisions as there.

/// What is encoded, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoder {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) components: usize,
    pub(super) precision: u32,
    pub(super) near: i32,
    /// 0 none, 1 by line, 2 by sample.
    pub(super) interleave: u8,
    /// MAXVAL, T1, T2, T3, RESET of an LSE segment; all 0 for no such segment.
    pub(super) preset: [u16; 5],
    /// Lines between restart markers, 0 for none.
    pub(super) restart: usize,
}

const J: [u32; 32] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13,
    14, 15,
];

impl Encoder {
    /// Lossless, by sample, no more.
    pub(super) fn new(rows: usize, columns: usize, components: usize, precision: u32) -> Encoder {
        Encoder {
            rows,
            columns,
            components,
            precision,
            near: 0,
            interleave: if components == 1 { 0 } else { 2 },
            preset: [0; 5],
            restart: 0,
        }
    }

    /// The code stream of these samples (interleaved by pixel), and the samples that a decoder gets.
    pub(super) fn encode(&self, samples: &[u16]) -> (Vec<u8>, Vec<u16>) {
        let mut bytes = vec![0xFF, 0xD8];
        let mut frame = vec![self.precision as u8];
        frame.extend((self.rows as u16).to_be_bytes());
        frame.extend((self.columns as u16).to_be_bytes());
        frame.push(self.components as u8);
        (1..=self.components as u8).for_each(|id| frame.extend([id, 0x11, 0]));
        segment(&mut bytes, 0xF7, &frame);
        if self.preset != [0; 5] {
            let words = self.preset.iter().flat_map(|word| word.to_be_bytes());
            segment(
                &mut bytes,
                0xF8,
                &[1].into_iter().chain(words).collect::<Vec<_>>(),
            );
        }
        if self.restart != 0 {
            segment(&mut bytes, 0xDD, &(self.restart as u16).to_be_bytes());
        }
        let mut decoded: Vec<i32> = samples.iter().map(|&sample| i32::from(sample)).collect();
        let all: Vec<usize> = (0..self.components).collect();
        let scans: Vec<&[usize]> = match self.interleave {
            0 => all.chunks(1).collect(),
            _ => vec![&all],
        };
        for components in scans {
            let mut scan = vec![components.len() as u8];
            components
                .iter()
                .for_each(|&c| scan.extend([c as u8 + 1, 0]));
            scan.extend([self.near as u8, self.interleave, 0]);
            segment(&mut bytes, 0xDA, &scan);
            self.scan(components, &mut decoded, &mut bytes);
        }
        bytes.extend([0xFF, 0xD9]);
        (
            bytes,
            decoded.into_iter().map(|sample| sample as u16).collect(),
        )
    }

    fn scan(&self, components: &[usize], samples: &mut [i32], bytes: &mut Vec<u8>) {
        let interval = if self.restart == 0 {
            self.rows
        } else {
            self.restart
        };
        for (number, first) in (0..self.rows).step_by(interval).enumerate() {
            if number > 0 {
                bytes.extend([0xFF, 0xD0 | ((number - 1) % 8) as u8]);
            }
            let mut coder = Coder::new(*self, first, components.len());
            for row in first..self.rows.min(first + interval) {
                if self.interleave == 2 {
                    coder.line(samples, row, components, 0);
                } else {
                    for (n, &component) in components.iter().enumerate() {
                        coder.line(samples, row, &[component], n);
                    }
                }
            }
            bytes.extend(coder.bits.bytes());
        }
    }
}

fn segment(bytes: &mut Vec<u8>, marker: u8, parameters: &[u8]) {
    bytes.extend([0xFF, marker]);
    bytes.extend((parameters.len() as u16 + 2).to_be_bytes());
    bytes.extend(parameters);
}

/// Bits as they are sent; a 0 is stuffed after eight 1s that make a byte.
#[derive(Debug, Default)]
struct BitWriter(Vec<bool>);

impl BitWriter {
    fn put(&mut self, value: u32, count: u32) {
        for n in (0..count).rev() {
            self.0.push(u64::from(value) >> n & 1 == 1);
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let (mut bytes, mut bits) = (vec![], self.0.iter().copied().peekable());
        while bits.peek().is_some() || bytes.last() == Some(&0xFF) {
            let stuffed = bytes.last() == Some(&0xFF);
            let count = if stuffed { 7 } else { 8 };
            let byte = (0..count).fold(0u8, |byte, _| {
                byte << 1 | u8::from(bits.next() == Some(true))
            });
            bytes.push(byte);
        }
        bytes
    }
}

/// Annex A's variables.
struct Coder {
    of: Encoder,
    first_row: usize,
    bits: BitWriter,
    maxval: i32,
    t: [i32; 3],
    reset: i32,
    range: i32,
    qbpp: u32,
    limit: u32,
    a: Vec<i32>,
    b: Vec<i32>,
    c: Vec<i32>,
    n: Vec<i32>,
    nn: [i32; 2],
    run_index: Vec<usize>,
}

impl Coder {
    fn new(of: Encoder, first_row: usize, components: usize) -> Coder {
        let [maxval, t1, t2, t3, reset] = of.preset.map(i32::from);
        let near = of.near;
        let maxval = if maxval == 0 {
            (1 << of.precision) - 1
        } else {
            maxval
        };
        let default = thresholds(maxval, near);
        let or = |given, default| if given == 0 { default } else { given };
        let range = (maxval + 2 * near) / (2 * near + 1) + 1;
        let log2 = |n: i32| {
            (0..)
                .find(|&bits| 1i64 << bits >= i64::from(n))
                .unwrap_or(0)
        };
        let bpp = log2(maxval + 1).max(2);
        Coder {
            of,
            first_row,
            bits: BitWriter::default(),
            maxval,
            t: [or(t1, default[0]), or(t2, default[1]), or(t3, default[2])],
            reset: or(reset, 64),
            range,
            qbpp: log2(range),
            limit: 2 * (bpp + bpp.max(8)),
            a: vec![2.max((range + 32) / 64); 367],
            b: vec![0; 367],
            c: vec![0; 367],
            n: vec![1; 367],
            nn: [0; 2],
            run_index: vec![0; components],
        }
    }

    /// Ra, Rb, Rc, Rd of a sample.
    fn neighbours(&self, samples: &[i32], row: usize, column: usize, component: usize) -> [i32; 4] {
        let at = |row: usize, column: usize| {
            samples[(row * self.of.columns + column) * self.of.components + component]
        };
        // The line above the first one is 0; so is what is left of it.
        let above = |back: usize, column: usize| match row.checked_sub(back) {
            Some(above) if above >= self.first_row => at(above, column),
            _ => 0,
        };
        let last = self.of.columns - 1;
        let b = above(1, column);
        let (a, c) = match column {
            0 => (b, above(2, 0)),
            _ => (at(row, column - 1), above(1, column - 1)),
        };
        [a, b, c, above(1, (column + 1).min(last))]
    }

    fn line(&mut self, samples: &mut [i32], row: usize, components: &[usize], plane: usize) {
        let (columns, all) = (self.of.columns, self.of.components);
        let place = |column, component| (row * columns + column) * all + component;
        let tolerance = self.of.near;
        let mut column = 0;
        while column < columns {
            let near: Vec<[i32; 4]> = components
                .iter()
                .map(|&c| self.neighbours(samples, row, column, c))
                .collect();
            let q: Vec<i32> = near.iter().map(|n| self.context(*n)).collect();
            if q.iter().any(|&q| q != 0) {
                for ((&c, &q), &near) in components.iter().zip(&q).zip(&near) {
                    samples[place(column, c)] = self.regular(q, near, samples[place(column, c)]);
                }
                column += 1;
                continue;
            }
            let begun = column;
            let like = |samples: &[i32], column| {
                components
                    .iter()
                    .zip(&near)
                    .all(|(&c, near)| (samples[place(column, c)] - near[0]).abs() <= tolerance)
            };
            while column < columns && like(samples, column) {
                for (&c, near) in components.iter().zip(&near) {
                    samples[place(column, c)] = near[0];
                }
                column += 1;
            }
            self.run(column - begun, column == columns, plane);
            if column < columns {
                let single = components.len() == 1;
                for (&c, near) in components.iter().zip(&near) {
                    let b = self.neighbours(samples, row, column, c)[1];
                    let sample = samples[place(column, c)];
                    samples[place(column, c)] =
                        self.interruption(near[0], b, sample, single, plane);
                }
                self.run_index[plane] = self.run_index[plane].saturating_sub(1);
                column += 1;
            }
        }
    }

    fn context(&self, [a, b, c, d]: [i32; 4]) -> i32 {
        let [t1, t2, t3] = self.t;
        let region = |d: i32| {
            let magnitude = d.abs();
            let region = if magnitude <= self.of.near {
                0
            } else if magnitude < t1 {
                1
            } else if magnitude < t2 {
                2
            } else if magnitude < t3 {
                3
            } else {
                4
            };
            region * d.signum()
        };
        81 * region(d - b) + 9 * region(b - c) + region(c - a)
    }

    /// The error, quantised and reduced, and the sample that it makes of the prediction.
    fn error(&self, sample: i32, predicted: i32, sign: i32) -> (i32, i32) {
        let (near, step) = (self.of.near, 2 * self.of.near + 1);
        let error = (sample - predicted) * sign;
        let mut error = if error > 0 {
            (error + near) / step
        } else {
            -((near - error) / step)
        };
        let decoded = (predicted + sign * error * step).clamp(0, self.maxval);
        if error < 0 {
            error += self.range;
        }
        if error >= (self.range + 1) / 2 {
            error -= self.range;
        }
        (error, decoded)
    }

    fn regular(&mut self, q: i32, [a, b, c, _]: [i32; 4], sample: i32) -> i32 {
        let (q, sign) = (q.unsigned_abs() as usize, if q < 0 { -1 } else { 1 });
        let predicted = if c >= a.max(b) {
            a.min(b)
        } else if c <= a.min(b) {
            a.max(b)
        } else {
            a + b - c
        };
        let predicted = (predicted + sign * self.c[q]).clamp(0, self.maxval);
        let (error, decoded) = self.error(sample, predicted, sign);
        let k = golomb_parameter(self.a[q], self.n[q]);
        let other_way = self.of.near == 0 && k == 0 && 2 * self.b[q] <= -self.n[q];
        let number = match (other_way, error >= 0) {
            (false, true) => 2 * error,
            (false, false) => -2 * error - 1,
            (true, true) => 2 * error + 1,
            (true, false) => -2 * (error + 1),
        };
        self.golomb(number, k, self.limit);
        self.b[q] += error * (2 * self.of.near + 1);
        self.a[q] += error.abs();
        if self.n[q] == self.reset {
            self.a[q] /= 2;
            self.b[q] = self.b[q].div_euclid(2);
            self.n[q] /= 2;
        }
        self.n[q] += 1;
        if self.b[q] <= -self.n[q] {
            self.c[q] = (self.c[q] - 1).max(-128);
            self.b[q] = (self.b[q] + self.n[q]).max(1 - self.n[q]);
        } else if self.b[q] > 0 {
            self.c[q] = (self.c[q] + 1).min(127);
            self.b[q] = (self.b[q] - self.n[q]).min(0);
        }
        decoded
    }

    fn run(&mut self, mut length: usize, whole_line: bool, plane: usize) {
        let index = &mut self.run_index[plane];
        while length >= 1 << J[*index] {
            self.bits.put(1, 1);
            length -= 1 << J[*index];
            *index = (*index + 1).min(31);
        }
        if !whole_line {
            self.bits.put(0, 1);
            self.bits.put(length as u32, J[*index]);
        } else if length > 0 {
            self.bits.put(1, 1);
        }
    }

    fn interruption(&mut self, a: i32, b: i32, sample: i32, single: bool, plane: usize) -> i32 {
        let kind = i32::from(single && (a - b).abs() <= self.of.near);
        let predicted = if kind == 1 { a } else { b };
        let sign = if kind == 0 && a > b { -1 } else { 1 };
        let (error, decoded) = self.error(sample, predicted, sign);
        let (q, which) = (365 + kind as usize, kind as usize);
        let k = golomb_parameter(self.a[q] + kind * (self.n[q] / 2), self.n[q]);
        let map = (k == 0 && error > 0 && 2 * self.nn[which] < self.n[q])
            || (error < 0 && (2 * self.nn[which] >= self.n[q] || k != 0));
        let number = 2 * error.abs() - kind - i32::from(map);
        self.golomb(number, k, self.limit - J[self.run_index[plane]] - 1);
        self.nn[which] += i32::from(error < 0);
        self.a[q] += (number + 1 - kind) / 2;
        if self.n[q] == self.reset {
            self.a[q] /= 2;
            self.n[q] /= 2;
            self.nn[which] /= 2;
        }
        self.n[q] += 1;
        decoded
    }

    fn golomb(&mut self, number: i32, k: u32, limit: u32) {
        let (high, escape) = (number as u32 >> k, limit - self.qbpp - 1);
        if high < escape {
            self.bits.put(0, high);
            self.bits.put(1, 1);
            self.bits.put(number as u32 & ((1 << k) - 1), k);
        } else {
            self.bits.put(0, escape);
            self.bits.put(1, 1);
            self.bits.put(number as u32 - 1, self.qbpp);
        }
    }
}

fn golomb_parameter(a: i32, n: i32) -> u32 {
    let mut k = 0;
    while i64::from(n) << k < i64::from(a) {
        k += 1;
    }
    k
}

fn thresholds(maxval: i32, near: i32) -> [i32; 3] {
    let clamp = |i: i32, low: i32| if i > maxval || i < low { low } else { i };
    let t = if maxval >= 128 {
        let factor = (maxval.min(4095) + 128) / 256;
        [
            factor + 2 + 3 * near,
            factor * 4 + 3 + 5 * near,
            factor * 17 + 4 + 7 * near,
        ]
    } else {
        let factor = 256 / (maxval + 1);
        [
            2.max(3 / factor + 3 * near),
            3.max(7 / factor + 5 * near),
            4.max(21 / factor + 7 * near),
        ]
    };
    let t1 = clamp(t[0], near + 1);
    let t2 = clamp(t[1], t1);
    [t1, t2, clamp(t[2], t2)]
}
