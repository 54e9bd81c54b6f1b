// The page's data: base64 of zlib of (length of the JSON, the JSON, the timeline's bars).

function fromBase64(text) {
  const binary = atob(text.trim());
  const out = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; ++at) out[at] = binary.charCodeAt(at);
  return out;
}

async function inflate(packed) {
  if (typeof DecompressionStream === "function") {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
  return inflatePlainly(packed);
}

// Canonical Huffman codes: counts by length, and symbols in the order of their codes.
function huffman(lengths) {
  const counts = new Uint16Array(16);
  for (const length of lengths) ++counts[length];
  counts[0] = 0;
  const offsets = new Uint16Array(17);
  for (let length = 1; length < 16; ++length) offsets[length + 1] = offsets[length] + counts[length];
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => { if (length) symbols[offsets[length]++] = symbol; });
  return {counts, symbols};
}

// RFC 1951 for browsers without DecompressionStream.
function inflatePlainly(packed) {
  const LENGTH = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
  const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
  const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
  let at = 2, bitBuffer = 0, bitCount = 0, size = 0, out = new Uint8Array(packed.length * 4 + 1024);
  const bits = (wanted) => {
    while (bitCount < wanted) {
      if (at >= packed.length) throw new Error("the report's data is cut off");
      bitBuffer |= packed[at++] << bitCount;
      bitCount += 8;
    }
    const value = bitBuffer & ((1 << wanted) - 1);
    bitBuffer >>>= wanted;
    bitCount -= wanted;
    return value;
  };
  const room = (more) => {
    if (size + more <= out.length) return;
    const larger = new Uint8Array(Math.max(out.length * 2, size + more));
    larger.set(out);
    out = larger;
  };
  const symbol = ({counts, symbols}) => {
    let code = 0, first = 0, index = 0;
    for (let length = 1; length < 16; ++length) {
      code |= bits(1);
      if (code - first < counts[length]) return symbols[index + code - first];
      index += counts[length];
      first = (first + counts[length]) << 1;
      code <<= 1;
    }
    throw new Error("the report's data is damaged");
  };
  const readTables = () => {
    const literals = bits(5) + 257, distances = bits(5) + 1, codes = bits(4) + 4;
    const order = new Array(19).fill(0);
    for (let index = 0; index < codes; ++index) order[ORDER[index]] = bits(3);
    const table = huffman(order), lengths = [];
    while (lengths.length < literals + distances) {
      const next = symbol(table);
      if (next < 16) { lengths.push(next); continue; }
      const value = next === 16 ? lengths[lengths.length - 1] : 0;
      const times = next === 16 ? 3 + bits(2) : next === 17 ? 3 + bits(3) : 11 + bits(7);
      for (let repeat = 0; repeat < times; ++repeat) lengths.push(value);
    }
    return [huffman(lengths.slice(0, literals)), huffman(lengths.slice(literals, literals + distances))];
  };
  const fixedTables = () => {
    const lengths = [];
    for (let value = 0; value < 288; ++value) lengths.push(value < 144 ? 8 : value < 256 ? 9 : value < 280 ? 7 : 8);
    return [huffman(lengths), huffman(new Array(30).fill(5))];
  };
  for (let last = 0; !last;) {
    last = bits(1);
    const type = bits(2);
    if (type === 0) {
      bitBuffer = bitCount = 0;
      const length = packed[at] | packed[at + 1] << 8;
      at += 4;
      room(length);
      out.set(packed.subarray(at, at + length), size);
      at += length;
      size += length;
      continue;
    }
    const [literals, distances] = type === 1 ? fixedTables() : readTables();
    for (let next = symbol(literals); next !== 256; next = symbol(literals)) {
      if (next < 256) { room(1); out[size++] = next; continue; }
      const length = LENGTH[next - 257] + bits(LENGTH_BITS[next - 257]);
      const code = symbol(distances);
      const extra = code < 2 ? 0 : (code >> 1) - 1;
      const distance = 1 + (code < 2 ? code : (2 + (code & 1)) << extra) + bits(extra);
      room(length);
      for (let copied = 0; copied < length; ++copied, ++size) out[size] = out[size - distance];
    }
  }
  return out.subarray(0, size);
}

async function readData() {
  const all = await inflate(fromBase64(document.getElementById("data").textContent));
  const length = new DataView(all.buffer, all.byteOffset).getUint32(0, true);
  const data = JSON.parse(new TextDecoder().decode(all.subarray(4, 4 + length)));
  data.bars = all.subarray(4 + length);
  return data;
}

// One level's bars from their bytes (src/profile/timeline_code.h), times from the timeline's origin.
function readLevel(all, [mergedBelow, size, at]) {
  const next = () => {
    let value = 0, unit = 1, byte;
    do { byte = all[at++]; value += (byte & 127) * unit; unit *= 128; } while (byte > 127);
    return value;
  };
  const level = {mergedBelow, size, start: new Float64Array(size), end: new Float64Array(size), name: new Uint32Array(size),
    count: new Uint32Array(size), busy: new Float64Array(size), nameBusy: new Float64Array(size)};
  for (let bar = 0; bar < size; ++bar) level.start[bar] = next();
  let until = 0;
  for (let bar = 0; bar < size; ++bar) {
    level.start[bar] += until;
    level.busy[bar] = level.nameBusy[bar] = next();
    until = level.end[bar] = level.start[bar] + level.busy[bar];
  }
  for (let bar = 0; bar < size; ++bar) level.name[bar] = next();
  for (let bar = 0; bar < size; ++bar) level.count[bar] = next();
  for (let bar = 0; bar < size; ++bar) if (level.count[bar] > 1) level.busy[bar] = next();
  for (let bar = 0; bar < size; ++bar) if (level.count[bar] > 1) level.nameBusy[bar] = next();
  return level;
}

// The first bar that ends after `moment`.
function firstAfter(level, moment) {
  let low = 0, high = level.size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (level.end[middle] > moment) high = middle; else low = middle + 1;
  }
  return low;
}
