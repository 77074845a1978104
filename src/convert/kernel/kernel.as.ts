// AssemblyScript: `npm run build:kernel` compiles it to module.ts. It has no memory of its own; whoever calls lays everything
// out and passes addresses. What each function computes is defined by core/encoding.ts, core/rounding.ts and
// convert/rules/steps.ts, with which it agrees bit for bit: sums are taken in the same order, and every result is rounded once.

// Element types, by the numbers that kernel.ts gives them.
const float64 = 0;
const float32 = 1;
const bfloat16 = 2;
const float16 = 3;

/** The bits of the float32 infinity. */
const infinity32: i32 = 0x7f800000;

function sizeOf(dtype: i32): usize {
  return dtype === float64 ? 8 : dtype === float32 ? 4 : 2;
}

function floatOfBfloat16(bits: u32): f64 {
  return f64(reinterpret<f32>(bits << 16));
}

/** The exponent is moved by a product, which is exact for subnormals too; that of infinities and NaNs ends up in range. */
function floatOfFloat16(bits: u32): f64 {
  const magnitude = bits & 0x7fff;
  const moved = reinterpret<u32>(reinterpret<f32>(magnitude << 13) * reinterpret<f32>(0x77800000));
  return f64(reinterpret<f32>(moved | (magnitude >= 0x7c00 ? infinity32 : 0) | ((bits & 0x8000) << 16)));
}

/** Eight bfloat16 numbers as two vectors of float32: each gets 16 zero bits below. */
function lowOfBfloat16(bits: v128): v128 {
  return i16x8.shuffle(i64x2.splat(0), bits, 0, 8, 1, 9, 2, 10, 3, 11);
}

function highOfBfloat16(bits: v128): v128 {
  return i16x8.shuffle(i64x2.splat(0), bits, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** Four float16 numbers, each in the low half of 32 bits. */
function quadOfFloat16(bits: v128): v128 {
  const magnitude = v128.and(bits, i32x4.splat(0x7fff));
  const moved = f32x4.mul(i32x4.shl(magnitude, 13), i32x4.splat(0x77800000));
  const special = v128.and(i32x4.ge_s(magnitude, i32x4.splat(0x7c00)), i32x4.splat(infinity32));
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16);
  return v128.or(v128.or(moved, special), sign);
}

function storeFloat64(to: usize, quad: v128): void {
  v128.store(to, f64x2.promote_low_f32x4(quad));
  v128.store(to, f64x2.promote_low_f32x4(i64x2.shuffle(quad, quad, 1, 0)), 16);
}

/** `count` stored numbers as float64. */
export function decode(dtype: i32, from: usize, to: usize, count: i32): void {
  if (dtype === float64) {
    memory.copy(to, from, usize(count) << 3);
    return;
  }
  let i = 0;
  if (dtype === float32) {
    for (; i + 4 <= count; i += 4) storeFloat64(to + (usize(i) << 3), v128.load(from + (usize(i) << 2)));
    for (; i < count; i++) store<f64>(to + (usize(i) << 3), f64(load<f32>(from + (usize(i) << 2))));
  } else if (dtype === bfloat16) {
    for (; i + 8 <= count; i += 8) {
      const bits = v128.load(from + (usize(i) << 1));
      storeFloat64(to + (usize(i) << 3), lowOfBfloat16(bits));
      storeFloat64(to + (usize(i) << 3) + 32, highOfBfloat16(bits));
    }
    for (; i < count; i++) store<f64>(to + (usize(i) << 3), floatOfBfloat16(load<u16>(from + (usize(i) << 1))));
  } else {
    for (; i + 8 <= count; i += 8) {
      const bits = v128.load(from + (usize(i) << 1));
      storeFloat64(to + (usize(i) << 3), quadOfFloat16(i32x4.extend_low_i16x8_u(bits)));
      storeFloat64(to + (usize(i) << 3) + 32, quadOfFloat16(i32x4.extend_high_i16x8_u(bits)));
    }
    for (; i < count; i++) store<f64>(to + (usize(i) << 3), floatOfFloat16(load<u16>(from + (usize(i) << 1))));
  }
}

/** `bits` / 2^`cut`, rounded to nearest, ties to even. */
function cutToEven(bits: u64, cut: u64): u32 {
  return u32((bits + (u64(1) << (cut - 1)) - 1 + ((bits >> cut) & 1)) >> cut);
}

/** The 16 bits of the number nearest to `value`, ties to even; a NaN becomes an infinity. */
function toHalf(value: f64, fractionBits: u64, bias: u64): u32 {
  const bits = reinterpret<u64>(value);
  const sign = u32(bits >> 48) & 0x8000;
  const magnitude = (bits << 1) >> 1;
  const cut = 52 - fractionBits;
  const smallestNormal = (1024 - bias) << 52;
  const infinity = (2 * bias + 1) << fractionBits;
  if (magnitude >= smallestNormal) {
    if (magnitude >= (1024 + bias) << 52) return sign | u32(infinity);
    return sign | cutToEven(magnitude - ((1023 - bias) << 52), cut);
  }
  // Subnormal: the fraction with its hidden bit, cut further by as much as the exponent is too small.
  const furtherCut = cut + (1024 - bias) - (magnitude >> 52);
  if (furtherCut > 54) return sign;
  return sign | cutToEven((magnitude & 0xfffffffffffff) | 0x10000000000000, furtherCut);
}

function toHalfOf(dtype: i32, value: f64): u32 {
  return dtype === bfloat16 ? toHalf(value, 7, 127) : toHalf(value, 10, 15);
}

function isFiniteHalf(dtype: i32, bits: u32): bool {
  const exponents: u32 = dtype === bfloat16 ? 0x7f80 : 0x7c00;
  return (bits & exponents) !== exponents;
}

/** Stores the numbers from `start` to `end`, one at a time; returns whether all are finite as stored. */
function encodeHalves(dtype: i32, from: usize, to: usize, start: i32, end: i32): bool {
  let finite = true;
  for (let i = start; i < end; i++) {
    const bits = toHalfOf(dtype, load<f64>(from + (usize(i) << 3)));
    finite = finite && isFiniteHalf(dtype, bits);
    store<u16>(to + (usize(i) << 1), u16(bits));
  }
  return finite;
}

/** Four float64 numbers as float32. */
function loadFloat32(from: usize): v128 {
  const low = f32x4.demote_f64x2_zero(v128.load(from));
  const high = f32x4.demote_f64x2_zero(v128.load(from, 16));
  return i64x2.shuffle(low, high, 0, 2);
}

/**
 * Lanes that a detour through float32 may round twice: only what lies half-way between two 16-bit numbers in float32
 * may have been beside it before.
 */
function isHalfway(quad: v128, fractionMask: i32, half: i32): v128 {
  return i32x4.eq(v128.and(quad, i32x4.splat(fractionMask)), i32x4.splat(half));
}

function roundToBfloat16(quad: v128): v128 {
  const odd = v128.and(i32x4.shr_u(quad, 16), i32x4.splat(1));
  return i32x4.shr_u(i32x4.add(i32x4.add(quad, i32x4.splat(0x7fff)), odd), 16);
}

function encodeBfloat16(from: usize, to: usize, count: i32): bool {
  let finite = true;
  let beyond = i64x2.splat(0);
  const magnitudes = i32x4.splat(0x7fffffff);
  // The last float32 that rounds to a finite bfloat16.
  const last = i32x4.splat(0x7f7f7fff);
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const low = loadFloat32(from + (usize(i) << 3));
    const high = loadFloat32(from + (usize(i) << 3) + 32);
    if (v128.any_true(v128.or(isHalfway(low, 0xffff, 0x8000), isHalfway(high, 0xffff, 0x8000)))) {
      finite = encodeHalves(bfloat16, from, to, i, i + 8) && finite;
      continue;
    }
    beyond = v128.or(beyond, i32x4.gt_s(v128.and(low, magnitudes), last));
    beyond = v128.or(beyond, i32x4.gt_s(v128.and(high, magnitudes), last));
    v128.store(to + (usize(i) << 1), i16x8.narrow_i32x4_u(roundToBfloat16(low), roundToBfloat16(high)));
  }
  return encodeHalves(bfloat16, from, to, i, count) && finite && !v128.any_true(beyond);
}

/** Lanes that are not normal float16 numbers after rounding. */
function isNotNormal(magnitude: v128): v128 {
  const below = i32x4.lt_s(magnitude, i32x4.splat(0x38800000));
  return v128.or(below, i32x4.ge_s(magnitude, i32x4.splat(0x477ff000)));
}

function roundToFloat16(quad: v128, magnitude: v128): v128 {
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const moved = i32x4.sub(magnitude, i32x4.splat(112 << 23));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(moved, i32x4.splat(0xfff)), odd), 13);
  return v128.or(rounded, v128.and(i32x4.shr_u(quad, 16), i32x4.splat(0x8000)));
}

function encodeFloat16(from: usize, to: usize, count: i32): bool {
  let finite = true;
  const magnitudes = i32x4.splat(0x7fffffff);
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const low = loadFloat32(from + (usize(i) << 3));
    const high = loadFloat32(from + (usize(i) << 3) + 32);
    const lowMagnitude = v128.and(low, magnitudes);
    const highMagnitude = v128.and(high, magnitudes);
    const ties = v128.or(isHalfway(low, 0x1fff, 0x1000), isHalfway(high, 0x1fff, 0x1000));
    const others = v128.or(isNotNormal(lowMagnitude), isNotNormal(highMagnitude));
    if (v128.any_true(v128.or(ties, others))) {
      finite = encodeHalves(float16, from, to, i, i + 8) && finite;
      continue;
    }
    const bits = i16x8.narrow_i32x4_u(roundToFloat16(low, lowMagnitude), roundToFloat16(high, highMagnitude));
    v128.store(to + (usize(i) << 1), bits);
  }
  return encodeHalves(float16, from, to, i, count) && finite;
}

function encodeFloat32(from: usize, to: usize, count: i32): bool {
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(to + (usize(i) << 2), loadFloat32(from + (usize(i) << 3)));
  for (; i < count; i++) store<f32>(to + (usize(i) << 2), f32(load<f64>(from + (usize(i) << 3))));
  return allFinite(float32, to, count);
}

/** Rounds `count` float64 numbers to nearest, ties to even, and stores them. Returns whether all are finite as stored. */
export function encode(dtype: i32, from: usize, to: usize, count: i32): bool {
  if (dtype === bfloat16) return encodeBfloat16(from, to, count);
  if (dtype === float32) return encodeFloat32(from, to, count);
  if (dtype !== float64) return encodeFloat16(from, to, count);
  memory.copy(to, from, usize(count) << 3);
  return allFinite(float64, to, count);
}

/**
 * Stores `rows` rows so that sums along rows or columns are kept: what rounding takes from an entry is added to the next
 * one, in its row or, through `carried`, in its column. Returns whether all are finite as stored. `from` then holds what was
 * rounded.
 */
export function encodeKeepingSums(
  dtype: i32,
  from: usize,
  to: usize,
  rows: i32,
  columns: i32,
  carried: usize,
  ofRows: bool,
): bool {
  let finite = true;
  for (let row = 0; row < rows; row++) {
    if (ofRows) {
      let carry: f64 = 0;
      for (let i = 0; i < columns; i++) {
        const entry = from + (usize(i) << 3);
        const wanted = load<f64>(entry) + carry;
        store<f64>(entry, wanted);
        const rounded = encodeOne(dtype, wanted, to + usize(i) * sizeOf(dtype));
        // Zero unless it is no finite number.
        finite = finite && rounded - rounded === 0;
        carry = wanted - rounded;
      }
    } else {
      addRow(from, carried, columns);
      finite = encode(dtype, from, to, columns) && finite;
      decode(dtype, to, carried, columns);
      subtractFrom(from, carried, columns);
    }
    from += usize(columns) << 3;
    to += usize(columns) * sizeOf(dtype);
  }
  return finite;
}

/** Stores one number; returns it as stored. */
function encodeOne(dtype: i32, value: f64, to: usize): f64 {
  if (dtype === float64) {
    store<f64>(to, value);
    return value;
  }
  if (dtype === float32) {
    store<f32>(to, f32(value));
    return f64(f32(value));
  }
  if (dtype === bfloat16) {
    const bits = toHalf(value, 7, 127);
    store<u16>(to, u16(bits));
    return floatOfBfloat16(bits);
  }
  const bits = toHalf(value, 10, 15);
  store<u16>(to, u16(bits));
  return floatOfFloat16(bits);
}

/** Adds a row to another one. */
function addRow(at: usize, row: usize, columns: i32): void {
  let i = 0;
  for (; i + 2 <= columns; i += 2) {
    const place = usize(i) << 3;
    v128.store(at + place, f64x2.add(v128.load(at + place), v128.load(row + place)));
  }
  if (i < columns) store<f64>(at + (usize(i) << 3), load<f64>(at + (usize(i) << 3)) + load<f64>(row + (usize(i) << 3)));
}

/** Replaces a row by what is left of another one without it. */
function subtractFrom(whole: usize, row: usize, columns: i32): void {
  let i = 0;
  for (; i + 2 <= columns; i += 2) {
    const place = usize(i) << 3;
    v128.store(row + place, f64x2.sub(v128.load(whole + place), v128.load(row + place)));
  }
  const place = usize(i) << 3;
  if (i < columns) store<f64>(row + place, load<f64>(whole + place) - load<f64>(row + place));
}

/** Whether all of `count` stored numbers are finite. */
export function allFinite(dtype: i32, from: usize, count: i32): bool {
  // The bits of an exponent of ones, the lowest of them, and how often a number fits into 64 bits.
  let exponent: u64 = 0x7c00;
  let lowest: u64 = 0x0400;
  let lanes: u64 = 0x0001000100010001;
  if (dtype === float64) {
    exponent = 0x7ff0000000000000;
    lowest = 0x0010000000000000;
    lanes = 1;
  } else if (dtype === float32) {
    exponent = 0x7f800000;
    lowest = 0x00800000;
    lanes = 0x0000000100000001;
  } else if (dtype === bfloat16) {
    exponent = 0x7f80;
    lowest = 0x0080;
  }
  const size = sizeOf(dtype);
  const sign = exponent + lowest;
  const end = from + usize(count) * size;
  const exponents = i64x2.splat(exponent * lanes);
  const ones = i64x2.splat(lowest * lanes);
  // Only an exponent of ones carries into the sign's bit, which the mask has cleared, and none beyond.
  let carried = i64x2.splat(0);
  for (; from + 32 <= end; from += 32) {
    carried = v128.or(carried, i64x2.add(v128.and(v128.load(from), exponents), ones));
    carried = v128.or(carried, i64x2.add(v128.and(v128.load(from, 16), exponents), ones));
  }
  if (v128.any_true(v128.and(carried, i64x2.splat(sign * lanes)))) return false;
  for (; from < end; from += size) {
    const bits = size === 8 ? load<u64>(from) : size === 4 ? u64(load<u32>(from)) : u64(load<u16>(from));
    if ((bits & exponent) === exponent) return false;
  }
  return true;
}

function addToAll(at: usize, count: i32, value: f64): void {
  const values = f64x2.splat(value);
  let i = 0;
  for (; i + 2 <= count; i += 2) v128.store(at + (usize(i) << 3), f64x2.add(v128.load(at + (usize(i) << 3)), values));
  if (i < count) store<f64>(at + (usize(i) << 3), load<f64>(at + (usize(i) << 3)) + value);
}

/** x + value for every entry. */
export function addConstant(at: usize, count: i32, value: f64): void {
  addToAll(at, count, value);
}

/** x − mean(x) for each row. Four rows are summed side by side: each sum waits for its own additions alone. */
export function centreRows(at: usize, rows: i32, columns: i32): void {
  const rowBytes = usize(columns) << 3;
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    let sum0: f64 = 0;
    let sum1: f64 = 0;
    let sum2: f64 = 0;
    let sum3: f64 = 0;
    for (let entry = at; entry < at + rowBytes; entry += 8) {
      sum0 += load<f64>(entry);
      sum1 += load<f64>(entry + rowBytes);
      sum2 += load<f64>(entry + 2 * rowBytes);
      sum3 += load<f64>(entry + 3 * rowBytes);
    }
    addToAll(at, columns, -(sum0 / columns));
    addToAll(at + rowBytes, columns, -(sum1 / columns));
    addToAll(at + 2 * rowBytes, columns, -(sum2 / columns));
    addToAll(at + 3 * rowBytes, columns, -(sum3 / columns));
    at += 4 * rowBytes;
  }
  for (; row < rows; row++) {
    let sum: f64 = 0;
    for (let entry = at; entry < at + rowBytes; entry += 8) sum += load<f64>(entry);
    addToAll(at, columns, -(sum / columns));
    at += rowBytes;
  }
}

/** Subtracts the last entry of each row from all of that row. */
export function subtractLastColumn(at: usize, rows: i32, columns: i32): void {
  const rowBytes = usize(columns) << 3;
  for (let row = 0; row < rows; row++) {
    addToAll(at, columns, -load<f64>(at + rowBytes - 8));
    at += rowBytes;
  }
}

/** Moves rows of `columns` entries together so that their last ones are gone. */
export function dropLastColumn(at: usize, rows: i32, columns: i32): void {
  const kept = usize(columns - 1) << 3;
  let to = at;
  for (let row = 0; row < rows; row++) {
    memory.copy(to, at, kept);
    to += kept;
    at += kept + 8;
  }
}

/** Adds each row to `sums`. */
export function sumColumns(at: usize, rows: i32, columns: i32, sums: usize): void {
  for (let row = 0; row < rows; row++) {
    addRow(sums, at, columns);
    at += usize(columns) << 3;
  }
}

/** Subtracts a row from each row. */
export function subtractRow(at: usize, rows: i32, columns: i32, row: usize): void {
  for (let count = 0; count < rows; count++) {
    let i = 0;
    for (; i + 2 <= columns; i += 2) {
      const place = usize(i) << 3;
      v128.store(at + place, f64x2.sub(v128.load(at + place), v128.load(row + place)));
    }
    if (i < columns) {
      const place = usize(i) << 3;
      store<f64>(at + place, load<f64>(at + place) - load<f64>(row + place));
    }
    at += usize(columns) << 3;
  }
}

/** Multiplies each row by a row, entry by entry. */
export function multiplyRow(at: usize, rows: i32, columns: i32, row: usize): void {
  for (let count = 0; count < rows; count++) {
    let i = 0;
    for (; i + 2 <= columns; i += 2) {
      const place = usize(i) << 3;
      v128.store(at + place, f64x2.mul(v128.load(at + place), v128.load(row + place)));
    }
    if (i < columns) {
      const place = usize(i) << 3;
      store<f64>(at + place, load<f64>(at + place) * load<f64>(row + place));
    }
    at += usize(columns) << 3;
  }
}

/** The product of each row with `vector`, into `to`; four rows side by side, as for their means. */
export function multiplyVector(at: usize, rows: i32, columns: i32, vector: usize, to: usize): void {
  const rowBytes = usize(columns) << 3;
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    let sum0: f64 = 0;
    let sum1: f64 = 0;
    let sum2: f64 = 0;
    let sum3: f64 = 0;
    for (let place: usize = 0; place < rowBytes; place += 8) {
      const factor = load<f64>(vector + place);
      sum0 += load<f64>(at + place) * factor;
      sum1 += load<f64>(at + rowBytes + place) * factor;
      sum2 += load<f64>(at + 2 * rowBytes + place) * factor;
      sum3 += load<f64>(at + 3 * rowBytes + place) * factor;
    }
    store<f64>(to, sum0);
    store<f64>(to, sum1, 8);
    store<f64>(to, sum2, 16);
    store<f64>(to, sum3, 24);
    at += 4 * rowBytes;
    to += 32;
  }
  for (; row < rows; row++) {
    let sum: f64 = 0;
    for (let place: usize = 0; place < rowBytes; place += 8) sum += load<f64>(at + place) * load<f64>(vector + place);
    store<f64>(to, sum);
    at += rowBytes;
    to += 8;
  }
}
