// Client of what only the pages of quotes and pools ask, apart so that no other page loads its contract.
import { createClient } from "@connectrpc/connect";
import { QuoterService } from "../gen/capstan/quoter/v1/quoter_pb";
import { transport } from "./clients";

export const quoter = createClient(QuoterService, transport);
