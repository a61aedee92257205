/**
 * The class of a struct's views: one getter for each field, made once from a closure over the offset. Reading a number, a boolean, an enum or a flag
 * allocates nothing; a text and a 64-bit integer are values of their own. No code is generated from strings.
 *
 * Invariant: a getter reads inside the struct's bytes behind the view's place; whoever places the view has made sure that they are there.
 */
import util from 'node:util';
import { arrayClass } from './array-view.ts';
import type { Element, Field, LaidOut, Layout } from './layout.ts';
import { type Memory, Place, readText } from './memory.ts';
import { readObject } from './read.ts';
import type { FlagsType, ScalarType } from './types.ts';

/** A view, or a part of one. */
export class StructPlace extends Place {
  /** Flyweights for the fields that are no values. */
  readonly $parts: readonly Place[];

  constructor(memory: Memory, parts: readonly Place[]) {
    super(memory);
    this.$parts = parts;
  }
}

export interface StructPlaceClass {
  new (memory: Memory): StructPlace;
}

/** A struct whose views may be parts of others. */
export interface Viewed extends LaidOut {
  readonly View: StructPlaceClass;
}

type Getter = (this: Place) => unknown;
type PartMaker = (memory: Memory) => Place;

export function viewClass(layout: Layout): StructPlaceClass {
  const makers: PartMaker[] = [];
  const View = class extends StructPlace {
    constructor(memory: Memory) {
      super(
        memory,
        makers.map((make) => make(memory)),
      );
    }
  };
  const plain = function (this: Place): unknown {
    return readObject(layout, this.$memory, this.$at);
  };
  showAs(View.prototype, plain);
  for (const field of layout.fields) {
    const make = partMaker(field);
    const get = make === undefined ? valueGetter(field) : partGetter(field.offset, makers.push(make) - 1);
    Object.defineProperty(View.prototype, field.name, { get, enumerable: true, configurable: true });
  }
  return View;
}

/** For logs. A field of the same name comes after and wins. */
function showAs(prototype: Place, plain: Getter): void {
  for (const key of ['toJSON', util.inspect.custom])
    Object.defineProperty(prototype, key, { value: plain, configurable: true });
}

/** What makes the flyweight of a field that is no value; undefined for one that is. */
function partMaker({ element, count }: Field): PartMaker | undefined {
  if (count !== undefined && element.scalar !== 'char') {
    const { struct, flags } = element;
    const Part = struct ? (struct as Viewed).View : flags ? flagsClass(flags) : undefined;
    const ArrayClass = arrayClass(element, count, Part === undefined ? valueGetterOf(element, 0) : undefined);
    return (memory) => new ArrayClass(memory, Part && new Part(memory));
  }
  const Part = partClass(element);
  return Part && ((memory) => new Part(memory));
}

function partClass({ struct, flags }: Element): (new (memory: Memory) => Place) | undefined {
  if (struct !== undefined) return (struct as Viewed).View;
  return flags && flagsClass(flags);
}

function partGetter(offset: number, index: number): Getter {
  return function (this: Place) {
    const part = (this as StructPlace).$parts[index] as Place;
    part.$at = this.$at + offset;
    return part;
  };
}

function valueGetter({ element, count, offset }: Field): Getter {
  if (count === undefined) return valueGetterOf(element, offset);
  return function (this: Place) {
    return readText(this.$memory, this.$at + offset, count);
  };
}

function valueGetterOf({ scalar, names }: Element, offset: number): Getter {
  const get = GETTERS[scalar as ScalarType](offset);
  if (names === undefined) return get;
  return function (this: Place) {
    const value = get.call(this) as number;
    return names.get(value) ?? value;
  };
}

function flagsClass({ base, names }: FlagsType): new (memory: Memory) => Place {
  const Flags = class extends Place {};
  const plain = function (this: Place): unknown {
    return Object.fromEntries(names.map((name) => [name, Reflect.get(this, name)]));
  };
  const bits = GETTERS[base](0);
  showAs(Flags.prototype, plain);
  for (const [bit, name] of names.entries()) {
    const get = function (this: Place): boolean {
      return (((bits.call(this) as number) >>> bit) & 1) !== 0;
    };
    Object.defineProperty(Flags.prototype, name, { get, enumerable: true, configurable: true });
  }
  return Flags;
}

/** Functions of their own, so that each learns its one type. */
const GETTERS: Readonly<Record<ScalarType, (offset: number) => Getter>> = {
  u8: (offset) =>
    function (this: Place) {
      return this.$memory.data.getUint8(this.$at + offset);
    },
  i8: (offset) =>
    function (this: Place) {
      return this.$memory.data.getInt8(this.$at + offset);
    },
  u16: (offset) =>
    function (this: Place) {
      return this.$memory.data.getUint16(this.$at + offset, true);
    },
  i16: (offset) =>
    function (this: Place) {
      return this.$memory.data.getInt16(this.$at + offset, true);
    },
  u32: (offset) =>
    function (this: Place) {
      return this.$memory.data.getUint32(this.$at + offset, true);
    },
  i32: (offset) =>
    function (this: Place) {
      return this.$memory.data.getInt32(this.$at + offset, true);
    },
  u64: (offset) =>
    function (this: Place) {
      return this.$memory.data.getBigUint64(this.$at + offset, true);
    },
  i64: (offset) =>
    function (this: Place) {
      return this.$memory.data.getBigInt64(this.$at + offset, true);
    },
  f32: (offset) =>
    function (this: Place) {
      return this.$memory.data.getFloat32(this.$at + offset, true);
    },
  f64: (offset) =>
    function (this: Place) {
      return this.$memory.data.getFloat64(this.$at + offset, true);
    },
  bool: (offset) =>
    function (this: Place) {
      return this.$memory.data.getUint8(this.$at + offset) !== 0;
    },
  char: (offset) =>
    function (this: Place) {
      return readText(this.$memory, this.$at + offset, 1);
    },
};
