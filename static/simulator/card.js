// What a card's fields look like while they are typed. Pure: text in, text out.

const BRANDS = [
  { brand: "amex", label: "AMEX", heads: [[34, 34], [37, 37]], lengths: [15], groups: [4, 6, 5], cvc: 4 },
  { brand: "jcb", label: "JCB", heads: [[3528, 3589]], lengths: [16, 17, 18, 19] },
  { brand: "diners", label: "DINERS", heads: [[300, 305], [3095, 3095], [36, 36], [38, 39]], lengths: [14, 15, 16, 17, 18, 19], groups: [4, 6, 4, 5] },
  { brand: "discover", label: "DISCOVER", heads: [[6011, 6011], [644, 649], [65, 65]], lengths: [16, 17, 18, 19] },
  { brand: "unionpay", label: "UNIONPAY", heads: [[62, 62], [81, 81]], lengths: [16, 17, 18, 19] },
  { brand: "mastercard", label: "MASTERCARD", heads: [[51, 55], [2221, 2720]], lengths: [16] },
  { brand: "visa", label: "VISA", heads: [[4, 4]], lengths: [13, 14, 15, 16, 17, 18, 19] },
  { brand: "korean_local", label: "국내", heads: [[9, 9]], lengths: [16] },
];
const UNKNOWN = { brand: "unknown", label: "", heads: [], lengths: [13, 14, 15, 16, 17, 18, 19] };

export const digitsOf = (text) => text.replace(/[^0-9]/g, "");

export function brandOf(digits) {
  const begins = ([low, high]) => {
    const size = String(low).length;
    const head = Number(digits.slice(0, size));
    return digits.length >= size && head >= low && head <= high;
  };
  return BRANDS.find((row) => row.heads.some(begins)) ?? UNKNOWN;
}

export const longest = (brand) => Math.max(...brand.lengths);
export const cvcLength = (brand) => brand.cvc ?? 3;

export function luhn(digits) {
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = Number(digits[digits.length - 1 - place]);
    const weighed = place % 2 === 1 ? digit * 2 : digit;
    sum += weighed > 9 ? weighed - 9 : weighed;
  }
  return digits.length > 0 && sum % 10 === 0;
}

export function formatNumber(digits) {
  const groups = brandOf(digits).groups ?? [4, 4, 4, 4, 3];
  const parts = [];
  let from = 0;
  for (const size of groups) {
    if (from >= digits.length) break;
    parts.push(digits.slice(from, from + size));
    from += size;
  }
  return parts.join(" ");
}

// Four digits, month first. A lone first digit above 1 can only be a month; a pasted four-digit year loses its century.
export function expiryDigits(text) {
  const spelt = /^\s*(\d{1,2})\s*[/.\-\s]\s*(?:20)?(\d{2})\s*$/.exec(text);
  if (spelt) return spelt[1].padStart(2, "0") + spelt[2];
  // "1/" is January: the slash says that the month is over.
  let digits = digitsOf(text.replace(/^\s*(\d)\s*\//, "0$1"));
  if (/^[2-9]/.test(digits)) digits = `0${digits}`;
  if (/^\d{2}20\d{2}$/.test(digits)) digits = digits.slice(0, 2) + digits.slice(4);
  return digits.slice(0, 4);
}

export const formatExpiry = (digits) => (digits.length > 2 ? `${digits.slice(0, 2)} / ${digits.slice(2)}` : digits);

// The code of what is wrong, or null. `now` is a Date.
export function numberFault(digits) {
  if (digits === "") return "incomplete";
  const brand = brandOf(digits);
  return brand.lengths.includes(digits.length) && luhn(digits) ? null : "invalid_number";
}

export function expiryFault(digits, now) {
  if (digits === "") return "incomplete";
  const month = Number(digits.slice(0, 2));
  if (digits.length !== 4 || month < 1 || month > 12) return "invalid_expiry";
  const year = 2000 + Number(digits.slice(2));
  const months = year * 12 + month - 1;
  const today = now.getFullYear() * 12 + now.getMonth();
  if (months < today) return "expired_card";
  return months > today + 12 * 30 ? "invalid_expiry" : null;
}

export function cvcFault(digits, brand) {
  if (digits === "") return "incomplete";
  return digits.length === cvcLength(brand) ? null : "invalid_cvc";
}
