/**
 * Imported first, lets a process die in the midst of its work with files, as no signal from outside could: before the
 * `TEST_DIE_AT_FILE_STEP`th step, where that is a write with half of it written. A value that is stored takes six steps:
 * open, write, sync, rename, and open and sync of the directory.
 */
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"

const dieAt = Number(process.env.TEST_DIE_AT_FILE_STEP ?? Infinity)
let steps = 0

const mortal = (name, lastly = () => undefined) => {
  const real = fs[name]
  fs[name] = (...words) => {
    steps++
    if (steps === dieAt) {
      lastly(...words)
      process.kill(process.pid, "SIGKILL")
    }
    return real(...words)
  }
}

mortal("readFile")
mortal("open")
mortal("write", (file, bytes) => fs.writeSync(file, bytes.subarray(0, bytes.length >> 1)))
mortal("fsync")
mortal("rename")
syncBuiltinESMExports()
