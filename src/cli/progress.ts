/**
 * How far a long command is, on stderr: one line that is written over on a terminal, plain lines elsewhere.
 */
export interface Progress {
  readonly show: (done: number, total: number, what: string) => void;
  readonly say: (what: string) => void;
  /** Takes the line away. */
  readonly clear: () => void;
}

export function makeProgress(): Progress {
  const live = process.stderr.isTTY;
  const say = (line: string): void => void process.stderr.write(live ? `\r\u001b[K${line}` : `${line}\n`);
  return {
    say,
    show: (done, total, what) => say(`${String(done + 1).padStart(String(total).length)}/${total} ${what}`),
    clear: () => {
      if (live) process.stderr.write('\r\u001b[K');
    },
  };
}
