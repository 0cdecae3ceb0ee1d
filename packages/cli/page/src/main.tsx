/** The page of the sandbox. */
import { render } from "preact"
import { App } from "./App.tsx"
import { follow } from "./store.ts"
import "./style.css"

const root = document.getElementById("app")
if (root !== null) render(<App />, root)
follow()
