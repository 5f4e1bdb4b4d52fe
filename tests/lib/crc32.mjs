/* The sum that ZIP and PNG use. Node has its own from version 22 on. */
const table = Array.from({ length: 256 }, (_, i) => {
	for (let bit = 0; bit < 8; bit++) i = i & 1 ? (i >>> 1) ^ 0xedb88320 : i >>> 1;
	return i >>> 0;
});

export function crc32(bytes) {
	let crc = 0xffffffff;
	for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff];
	return (crc ^ 0xffffffff) >>> 0;
}
